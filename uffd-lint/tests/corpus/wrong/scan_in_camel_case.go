package dirty

const (
	pagemapScan = 0xc0606610

	pageIsWpAllowed = 1 << iota
	pageIsWritten
	pageIsFile
)

const pmScanWpMatching = 1 << 1
