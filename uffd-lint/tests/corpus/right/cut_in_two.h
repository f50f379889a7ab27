#define UFFDIO_WAKE 0x8010aa02
struct uffdio_copy {
	__u64 dst;
	__u64 src;
#ifdef WITH_LENGTH
	__u64 len;
};
struct without {
#endif
	__u64 mode;
};
#define UFFDIO_API 0xc018aa3f
