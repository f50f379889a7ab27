//go:build mips64 || mips64le

package uffd

const UFFDIO_UNREGISTER = 0x4010aa01
