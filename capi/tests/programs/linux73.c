/* A program of Linux 7.3: with that kernel's headers it needs no uffd_sys.h.
   With older ones it needs that one include, which the test adds. */
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

int newer_calls(int uffd, int pagemap, struct pm_scan_arg *scan);

int newer_calls(int uffd, int pagemap, struct pm_scan_arg *scan)
{
	struct uffdio_rwprotect rwp = {{0, 4096}, UFFDIO_RWPROTECT_MODE_RWP};
	struct uffdio_set_mode mode = {UFFD_FEATURE_RWP_ASYNC, 0};
	struct uffdio_move move = {0, 0, 4096, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES, 0};
	struct uffdio_poison poison = {{0, 4096}, UFFDIO_POISON_MODE_DONTWAKE, 0};

	scan->category_mask = PAGE_IS_WRITTEN | PAGE_IS_ACCESSED;
	return ioctl(uffd, UFFDIO_RWPROTECT, &rwp) | ioctl(uffd, UFFDIO_SET_MODE, &mode) |
	       ioctl(uffd, UFFDIO_MOVE, &move) | ioctl(uffd, UFFDIO_POISON, &poison) |
	       ioctl(pagemap, PAGEMAP_SCAN, scan);
}
