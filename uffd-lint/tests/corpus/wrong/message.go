package uffd

type uffdMsg struct {
	Event   uint8
	_       [7]byte
	Address uint64
	Flags   uint64
	Ptid    uint32
}

type uffdioCopy struct {
	Dst, Src, Len, Mode uint64
	Copy                uint64
}
