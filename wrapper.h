/* What bindgen reads: the kernel's headers where there are any, then the
   back-fill that completes them up to Linux 7.3. build.rs defines
   UFFD_SYS_NO_LINUX_HEADERS when the back-fill is to stand alone. */
#if !defined UFFD_SYS_NO_LINUX_HEADERS
# if __has_include(<linux/userfaultfd.h>)
#  include <linux/userfaultfd.h>
#  if !defined UFFD_API
#   error "linux/userfaultfd.h defines no UFFD_API: it is empty, or not the kernel's"
#  endif
# endif
# if __has_include(<linux/fs.h>)
#  include <linux/fs.h>
# endif
#endif

/* build.rs compares every item itself, and names what is in its table. An
   assertion becomes a declaration that says nothing. */
#define _Static_assert(condition, text) struct uffd_sys_not_asserted
#include "include/uffd_sys.h"
#undef _Static_assert

/* What build.rs cannot see: a part of a new event may be one that Rust cannot
   take, and is left out. */
_Static_assert(sizeof(struct uffd_msg) == 32, "struct uffd_msg has grown: uffd_msg_arg has a part of more than 24 bytes");
