package dirty

const (
	pagemapScan      = 0xc0606610
	pageIsWritten    = 1 << 1
	pmScanWpMatching = 1
)

type pmScanArg struct {
	Size, Flags, Start, End, WalkEnd, Vec, VecLen, MaxPages uint64
	CategoryInverted, CategoryMask                          uint64
	CategoryAnyofMask, ReturnMask                           uint64
}
