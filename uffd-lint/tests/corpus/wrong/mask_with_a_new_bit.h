#define UFFD_API_FEATURES ((1ULL << 19) | 0x1fff)
#define UFFD_API_IOCTLS (1ULL << 63 | 1 << 0 | 1 << 1)
#define UFFD_API_RANGE_IOCTLS_BASIC \
	((__u64)1 << 0x02 | \
	 (__u64)1 << 0x03 | \
	 (__u64)1 << 0x04)
