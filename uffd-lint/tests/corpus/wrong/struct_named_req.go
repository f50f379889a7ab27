package uffd

type uffdioMoveReq struct {
	Dst, Src, Len uint64
	Mode          uint32
	Move          int64
}

type UffdioPoisonArg struct {
	Start, Len, Mode uint64
	Updated          uint64
}
