//go:build linux && (amd64 || arm64)

package uffd

import "unsafe"

type UffdioRange struct{ Start, Len uint64 }

const UFFDIO_UNREGISTER = 2<<29 | uintptr(unsafe.Sizeof(UffdioRange{}))<<16 | 0xAA<<8 | 1
