package uffd

type uffdMsg struct {
	Event     uint8
	Reserved1 [3]uint8
	Reserved2 uint32
	Flags     uint64
	Address   uint64
	Reserved3 [8]byte
}
