/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dirty tracking with WP_ASYNC and PAGEMAP_SCAN in C, through libc. */
#include <sys/ioctl.h>

#include "uffd_sys.h"

int c_async_arm(int fd, unsigned long start, unsigned long len);
long c_async_collect(int pagemap, unsigned long start, unsigned long len,
		     struct page_region *regions, unsigned long room,
		     void (*found)(void *, const struct page_region *,
				   unsigned long),
		     void *context);

int c_async_arm(int fd, unsigned long start, unsigned long len)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = start, .len = len },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	return ioctl(fd, UFFDIO_WRITEPROTECT, &arg);
}

/* Takes the written pages and protects them again; -1 on failure. */
long c_async_collect(int pagemap, unsigned long start, unsigned long len,
		     struct page_region *regions, unsigned long room,
		     void (*found)(void *, const struct page_region *,
				   unsigned long),
		     void *context)
{
	struct pm_scan_arg arg = {
		.size = sizeof arg,
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = start,
		.end = start + len,
		.vec = (unsigned long)regions,
		.vec_len = room,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};
	long total = 0;

	while (arg.start < arg.end) {
		int n = ioctl(pagemap, PAGEMAP_SCAN, &arg);

		if (n < 0)
			return -1;
		found(context, regions, (unsigned long)n);
		total += n;
		arg.start = arg.walk_end;
	}
	return total;
}
