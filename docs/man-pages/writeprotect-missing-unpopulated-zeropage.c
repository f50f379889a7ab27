/* userfaultfd.rst: does UFFDIO_ZEROPAGE resolve every missing fault? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED);
	int zeroed, copied;
	char *at = map(1);
	struct uffdio_zeropage zero = {.range = range(at, PAGE)};
	struct uffdio_copy copy = {.dst = (unsigned long)at, .src = (unsigned long)map(1), .len = PAGE};
	struct uffd_msg msg;

	uffd_register(fd, at, PAGE, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	must(uffd_writeprotect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP) == 0, "UFFDIO_WRITEPROTECT");
	uffd_waits(fd, read_page, at);
	msg = uffd_message(fd);
	must(msg.event == UFFD_EVENT_PAGEFAULT && msg.arg.pagefault.flags == 0, "no missing fault");

	zeroed = call(fd, UFFDIO_ZEROPAGE, &zero);
	copied = zeroed == 0 ? 0 : call(fd, UFFDIO_COPY, &copy);
	printf("UFFDIO_ZEROPAGE for a missing fault in a write-protected page: %s\n", name(zeroed));
	printf("UFFDIO_COPY %s: %s\n", zeroed == 0 ? "(not needed)" : "then", name(copied));
	return verdict(zeroed == EEXIST && copied == 0, zeroed == 0,
		       "every kernel tried that has UFFD_FEATURE_WP_UNPOPULATED, which is of 6.4: Linux 6.12 to 7.3");
}
