package uffd

type uffdioMoveReq struct {
	Dst, Src, Len, Mode uint64
	Move                int64
}

type uffdioRangeT struct{ Start, Len uint64 }
