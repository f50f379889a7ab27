constexpr unsigned UFFDIO_WAKE = 0x8010aa02;
struct uffdio_copy {
	uint64_t dst;
#ifdef WITH_LENGTH
	uint64_t len;
};
struct without {
#endif
	uint64_t mode;
};
