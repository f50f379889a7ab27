struct uffdio_copy_args {
	unsigned long long dst;
	unsigned long long src;
	unsigned long long len;
	unsigned long long mode;
};

typedef struct {
	unsigned long long start, len, mode;
	unsigned long long mapped;
} uffdio_continue_t;
