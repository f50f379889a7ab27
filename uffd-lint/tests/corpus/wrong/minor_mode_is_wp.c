#include <linux/userfaultfd.h>

#ifndef UFFDIO_REGISTER_MODE_MINOR
#define UFFDIO_REGISTER_MODE_MINOR (1 << 1)
#endif
#ifndef UFFD_PAGEFAULT_FLAG_MINOR
#define UFFD_PAGEFAULT_FLAG_MINOR ((__u64)1 << 3)
#endif
#ifndef UFFDIO_CONTINUE
#define UFFDIO_CONTINUE 0xC018AA07
#endif
