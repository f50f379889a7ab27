/* userfaultfd.rst: does MADV_REMOVE take the write protection from a file's page? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_WP_ASYNC), left;
	char *at = map_shared(1);

	*at = 'x';
	uffd_register(fd, at, PAGE, UFFDIO_REGISTER_MODE_WP);
	must(uffd_writeprotect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP) == 0, "UFFDIO_WRITEPROTECT");
	must(uffd_protected(at), "the page is not protected");

	must(madvise(at, PAGE, MADV_REMOVE) == 0, "madvise(2)");
	left = uffd_protected(at);
	printf("after MADV_REMOVE of a page of tmpfs it is %s\n",
	       left ? "protected, so it counts as clean" : "not protected, so it counts as written");
	return verdict(left, !left,
		       "every kernel tried that has UFFD_FEATURE_WP_ASYNC, which is of 6.7: Linux 6.12 to 7.3");
}
