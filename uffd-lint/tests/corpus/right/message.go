package uffd

const help = `
const UFFDIO_WAKE = 1
`

type uffdMsg struct {
	Event     uint8 `json:"event"`
	_         [7]byte
	PageFault struct {
		Flags   uint64
		Address uint64
		Ptid    uint32
	}
}

// Parsed, not the kernel's.
type UffdMsgPagefault struct {
	Address uint64
	Flags   uint64
}

type UffdioContinue struct {
	Range  struct{ Start, Len uint64 }
	Mode   uint64
	Mapped int64
}

type Handler struct {
	*uffdMsg
	uffdioCopy func(dst, src uint64) error
}
