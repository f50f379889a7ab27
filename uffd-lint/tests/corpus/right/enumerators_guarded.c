enum {
#ifdef __powerpc__
	UFFDIO_WAKE = 0x4010aa02,
#else
	UFFDIO_WAKE = 0x8010aa02,
#endif
};
