#include <linux/userfaultfd.h>
#define UFFD_API 0xAA

struct uffdio_range whole(void *start, unsigned long len)
{
	int pages, page = 4096;
	struct uffdio_range range = { (unsigned long)start, len };

	pages = len / page;
	(void)pages;
	return range;
}
struct uffdio_copy copy_of(const struct uffdio_range *range);
