package uffd

import "unsafe"

const (
	uffdAPI        = 0xAA
	uffdioAPI      = 0xc018aa3f
	uffdioWake     = 0x8010aa02
	uffdioCopyNr   = 0x03
	ioctlUffdioCopy uintptr = 3223890435 // decimal
	uffdioAPISize  = 24
	uffdioTimeoutMillis = 100
)

type uffdioRange struct {
	Start, Len uint64
}

const (
	iocWrite = 1 << iota
	iocRead
)

const UFFDIO_UNREGISTER = iocRead<<30 | uint32(unsafe.Sizeof(uffdioRange{}))<<16 | 0xAA<<8 | 0x01

// Shifts bind more tightly than sums here.
const uffdioWriteprotect = 3<<30 + 24<<16 + uffdAPI<<8 + 6

var UFFDIO_REGISTER = IOWR(0xAA, 0x00, 32)
