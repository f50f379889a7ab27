#if defined(__mips__) || defined(__powerpc__)
# define UFFDIO_SET_MODE 0x8010aa0aU
#else
# define UFFDIO_SET_MODE 0x8010aa0aU
#endif
