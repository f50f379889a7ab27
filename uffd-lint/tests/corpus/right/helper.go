package uffd

func iowr(nr, size uintptr) uintptr { return 3<<30 | size<<16 | 0xAA<<8 | nr }

var uffdioAPI = iowr(0x3f, 24)
var uffdioMove = iowr(5, 5*8)
