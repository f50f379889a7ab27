#ifndef BACKFILL_H
#define BACKFILL_H
#include <linux/ioctl.h>

#ifndef UFFD_USER_MODE_ONLY /* added in v5.11 */
# define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_MINOR_SHMEM
# define UFFD_FEATURE_MINOR_SHMEM (1 << 10)
#endif
#ifndef UFFDIO_CONTINUE
# define _UFFDIO_CONTINUE (0x07)
struct uffdio_continue {
	struct uffdio_range range;
	__u64 mode;
	__s64 mapped; /* bytes, or a negated errno */
};
# define UFFDIO_CONTINUE _IOWR(UFFDIO, _UFFDIO_CONTINUE, \
			      struct uffdio_continue)
#endif
#endif
