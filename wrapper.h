/* What bindgen reads: the kernel's headers where there are any, then the
   back-fill that completes them up to Linux 7.3. build.rs defines
   UFFD_SYS_NO_LINUX_HEADERS when the back-fill is to stand alone. */
#if !defined UFFD_SYS_NO_LINUX_HEADERS
# if __has_include(<linux/userfaultfd.h>)
#  include <linux/userfaultfd.h>
# endif
# if __has_include(<linux/fs.h>)
#  include <linux/fs.h>
# endif
#endif
#include "include/uffd_sys.h"
