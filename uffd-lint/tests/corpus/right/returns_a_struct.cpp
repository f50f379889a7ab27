#include <linux/userfaultfd.h>
static constexpr int UFFD_EVENT_FORK = 0x13;

struct uffdio_range whole(void *start, unsigned long len)
{
	struct uffdio_range range {};
	int pages = 0;
	range.start = reinterpret_cast<unsigned long>(start);
	range.len = len + pages;
	return range;
}
struct uffdio_copy Pager::copy_of(const struct uffdio_range &range) const;
