#pragma pack(push, 1)
struct uffdio_writeprotect {
	struct uffdio_range range;
	unsigned int mode;
};
#pragma pack(pop)
struct uffdio_range {
	unsigned long long start;
	unsigned int len;
};
