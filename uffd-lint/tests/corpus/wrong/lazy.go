package lazy

const (
	uffdioAPI      uintptr = 0xc018_aa3f
	uffdioWake     uintptr = 0xc010_aa05
	uffdioContinue         = 0xc018aa07
)

// The numbers of the events.
const (
	uffdEventRemove    = 0x03
	uffdEventPagefault = 0x12
)
