#if __mips == 64
# define UFFDIO_WAKE 0x4010aa02
#else
# define UFFDIO_WAKE 0x4010aa02
#endif
