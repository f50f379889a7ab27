/* Back-fill for a libc without it. */
struct uffdio_range { unsigned long long start, len; };
struct uffdio_poison {
	struct uffdio_range range;
	unsigned long long mode;
	long long updated;
};
#define _UFFDIO_POISON 0x08
/* the range is not what it takes */
#define UFFDIO_POISON _IOWR(0xAA, _UFFDIO_POISON, struct uffdio_range)
#define UFFDIO_WAKE _IOW(0xAA, 0x02, struct uffdio_range)
