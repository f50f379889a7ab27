/* UFFDIO_WRITEPROTECT(2const): is a range with a hole in it refused? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP), hole, nothing;
	char *at = map(4);

	memset(at, 'x', 4 * PAGE);
	uffd_register(fd, at, 4 * PAGE, UFFDIO_REGISTER_MODE_WP);
	must(munmap(at + PAGE, PAGE) == 0, "munmap(2)");

	nothing = uffd_writeprotect(fd, at + PAGE, PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
	hole = uffd_writeprotect(fd, at, 4 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
	printf("UFFDIO_WRITEPROTECT of four pages, the second unmapped: %s\n", name(hole));
	printf("of the unmapped page alone: %s\n", name(nothing));
	return verdict(hole == 0 && nothing == ENOENT, hole == ENOENT && nothing == ENOENT,
		       "Linux 6.12 and later (the kernel changed in 6.4), and not on 5.10 and 6.1");
}
