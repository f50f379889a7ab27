/* UFFDIO_COPY(2const): is the field copy written when an event waits? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_EVENT_REMOVE), error;
	char *at = map(2);
	struct uffdio_copy copy = {
		.dst = (unsigned long)at, .src = (unsigned long)map(1), .len = PAGE, .copy = 12345,
	};

	uffd_register(fd, at, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	uffd_event(fd, at + PAGE);
	error = call(fd, UFFDIO_COPY, &copy);
	printf("UFFDIO_COPY while an event waits: %s, copy was 12345 and is %lld (-EAGAIN is %d)\n",
	       name(error), (long long)copy.copy, -EAGAIN);
	return verdict(error == EAGAIN && copy.copy == 12345, error == EAGAIN && copy.copy == -EAGAIN,
		       "Linux 5.10 and 6.1, and not on 6.12 and later");
}
