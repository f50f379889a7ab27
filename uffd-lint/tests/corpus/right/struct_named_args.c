struct uffdio_copy_args {
	unsigned long long dst, src, len, mode;
	long long copy;
};
/* Of the program, not of the kernel. */
struct uffdio_copy_request { const char *name; int retries; };
