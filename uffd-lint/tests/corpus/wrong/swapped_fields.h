typedef unsigned long long u64;
typedef long long s64;
struct uffdio_copy {
	u64 src;
	u64 dst;
	u64 len;
	u64 mode;
	s64 copy;
};
