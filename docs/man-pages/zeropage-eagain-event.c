/* UFFDIO_ZEROPAGE(2const): is the field zeropage written when an event waits? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_EVENT_REMOVE), error;
	char *at = map(2);
	struct uffdio_zeropage zero = {.range = range(at, PAGE), .zeropage = 12345};

	uffd_register(fd, at, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	uffd_event(fd, at + PAGE);
	error = call(fd, UFFDIO_ZEROPAGE, &zero);
	printf("UFFDIO_ZEROPAGE while an event waits: %s, zeropage was 12345 and is %lld (-EAGAIN is %d)\n",
	       name(error), (long long)zero.zeropage, -EAGAIN);
	return verdict(error == EAGAIN && zero.zeropage == 12345, error == EAGAIN && zero.zeropage == -EAGAIN,
		       "Linux 5.10 and 6.1, and not on 6.12 and later");
}
