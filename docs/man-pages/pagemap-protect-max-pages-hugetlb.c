/* PAGEMAP_SCAN(2const): does max_pages within a huge page lose pages? */
#include "uffd.h"

int main(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), uffd = uffd_open(UFFD_FEATURE_WP_ASYNC);
	FILE *meminfo = fopen("/proc/meminfo", "r");
	char line[128], *at;
	size_t huge = 0, reported = 0;
	struct page_region regions[4];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.vec = (unsigned long)regions,
		.vec_len = 4,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};

	must(fd != -1 && meminfo != NULL, "/proc");
	while (fgets(line, sizeof(line), meminfo) != NULL)
		sscanf(line, "Hugepagesize: %zu", &huge);
	huge *= 1024;
	at = mmap(NULL, 4 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (huge == 0 || at == MAP_FAILED)
		cannot("four huge pages (sysctl vm.nr_hugepages=4)");
	uffd_register(uffd, at, 4 * huge, UFFDIO_REGISTER_MODE_WP);
	for (int i = 0; i < 4; i++)
		at[i * huge] = 'x';

	arg.max_pages = (huge + huge / 2) / PAGE;
	arg.end = (unsigned long)at + 4 * huge;
	for (arg.start = (unsigned long)at; arg.start < arg.end; arg.start = arg.walk_end) {
		int found = ioctl(fd, PAGEMAP_SCAN, &arg);

		must(found != -1, "PAGEMAP_SCAN");
		for (int i = 0; i < found; i++)
			reported += regions[i].end - regions[i].start;
		printf("reported so far: %zu KiB of %zu, walk_end is %llu KiB behind the start\n", reported >> 10,
		       4 * huge >> 10, (unsigned long long)(arg.walk_end - (unsigned long)at) >> 10);
		must(arg.walk_end > arg.start, "no progress");
	}
	return verdict(reported < 4 * huge, reported == 4 * huge,
		       "every kernel tried that has PAGEMAP_SCAN, which is of 6.7: Linux 6.12 to 7.3");
}
