#define UFFDIO_API 0
#undef UFFDIO_API
#include <linux/userfaultfd.h>
#define UFFDIO_WAKE 1
#undef UFFDIO_WAKE
#define UFFDIO_WAKE 0x8010aa02
static const unsigned long UFFDIO_COPY = UFFDIO_API - 0xc018aa3f + 0xc028aa03;
