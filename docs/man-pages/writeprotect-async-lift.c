/* userfaultfd.rst: is it invalid to remove an asynchronous write protection? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_WP_ASYNC), error, left;
	char *at = map(1);

	*at = 'x';
	uffd_register(fd, at, PAGE, UFFDIO_REGISTER_MODE_WP);
	must(uffd_writeprotect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP) == 0, "UFFDIO_WRITEPROTECT");
	must(uffd_protected(at), "the page is not protected");

	error = uffd_writeprotect(fd, at, PAGE, 0);
	left = uffd_protected(at);
	printf("UFFDIO_WRITEPROTECT without UFFDIO_WRITEPROTECT_MODE_WP: %s, the page is %s\n",
	       name(error), left ? "protected" : "not protected");
	return verdict(error == 0 && !left, error != 0,
		       "every kernel tried that has UFFD_FEATURE_WP_ASYNC, which is of 6.7: Linux 6.12 to 7.3");
}
