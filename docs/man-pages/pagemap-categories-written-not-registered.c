/* PAGEMAP_SCAN(2const): is PAGE_IS_WRITTEN reported of memory that is not registered? */
#include "uffd.h"

int main(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), found;
	char *at = map(2);
	struct page_region regions[2];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = (unsigned long)at,
		.end = (unsigned long)at + 2 * PAGE,
		.vec = (unsigned long)regions,
		.vec_len = 2,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};

	must(fd != -1, "/proc/self/pagemap");
	uffd_open(UFFD_FEATURE_WP_ASYNC); /* only to see that the kernel has it */
	memset(at, 'x', 2 * PAGE);

	found = ioctl(fd, PAGEMAP_SCAN, &arg);
	must(found != -1, "PAGEMAP_SCAN");
	printf("PAGE_IS_WRITTEN in memory that no userfaultfd has: %d regions", found);
	if (found > 0)
		printf(", the first of %d pages", (int)((regions[0].end - regions[0].start) / PAGE));
	printf("\n");
	return verdict(found == 1 && regions[0].end - regions[0].start == 2 * PAGE, found == 0,
		       "Linux 6.12 to 7.2 (PAGEMAP_SCAN is of 6.7), and not on 7.3");
}
