/* UFFDIO_RWPROTECT(2const): is a range with a hole in it refused? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_RWP), hole, nothing;
	char *at = map(4);
	struct uffdio_rwprotect all = {.range = range(at, 4 * PAGE), .mode = UFFDIO_RWPROTECT_MODE_RWP};
	struct uffdio_rwprotect one = {.range = range(at + PAGE, PAGE), .mode = UFFDIO_RWPROTECT_MODE_RWP};

	memset(at, 'x', 4 * PAGE);
	uffd_register(fd, at, 4 * PAGE, UFFDIO_REGISTER_MODE_RWP);
	must(munmap(at + PAGE, PAGE) == 0, "munmap(2)");

	nothing = call(fd, UFFDIO_RWPROTECT, &one);
	hole = call(fd, UFFDIO_RWPROTECT, &all);
	printf("UFFDIO_RWPROTECT of four pages, the second unmapped: %s\n", name(hole));
	printf("of the unmapped page alone: %s\n", name(nothing));
	return verdict(hole == 0 && nothing == ENOENT, hole == ENOENT,
		       "every kernel tried that has UFFDIO_RWPROTECT: Linux 7.3");
}
