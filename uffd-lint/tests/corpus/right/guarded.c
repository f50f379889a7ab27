#if defined(__powerpc__) || defined(__mips__) || defined(__sparc__)
# define UFFDIO_WAKE 0x4010aa02
# define UFFDIO_UNREGISTER 0x4010aa01
#elif defined __alpha__
# define UFFDIO_WAKE 0x4010aa02
#else
# define UFFDIO_WAKE 0x8010aa02
# define UFFDIO_UNREGISTER 0x8010aa01
#endif

#ifndef __x86_64__
/* Which of the others decides; not told here. */
# define UFFDIO_SET_MODE SET_MODE_CODE
# define SET_MODE_CODE 0x8010aa0a
#endif

#if 0
# define UFFDIO_API 1
#endif
