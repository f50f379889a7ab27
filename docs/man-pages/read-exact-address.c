/* UFFDIO_API(2const): is the address exact with UFFD_FEATURE_EXACT_ADDRESS? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_EXACT_ADDRESS);
	char *at = map(1);
	unsigned long asked, got;

	uffd_register(fd, at, PAGE, UFFDIO_REGISTER_MODE_MISSING);
	uffd_waits(fd, read_page, at + 0x123);
	asked = (unsigned long)at + 0x123;
	got = uffd_message(fd).arg.pagefault.address;
	printf("access to %#lx, the message has %#lx\n", asked, got);
	return verdict(got == (unsigned long)at, got == asked,
		       "s390x and 32-bit ARM (arm), and not on x86, arm64, ppc64le and riscv64");
}
