/* UFFDIO_CONTINUE(2const): is the field mapped written when an event waits? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MINOR_SHMEM), error;
	char *at = map_shared(2);
	struct uffdio_continue arg = {.range = range(at, PAGE), .mapped = 12345};

	uffd_register(fd, at, 2 * PAGE, UFFDIO_REGISTER_MODE_MINOR);
	uffd_event(fd, at + PAGE);
	error = call(fd, UFFDIO_CONTINUE, &arg);
	printf("UFFDIO_CONTINUE while an event waits: %s, mapped was 12345 and is %lld (-EAGAIN is %d)\n",
	       name(error), (long long)arg.mapped, -EAGAIN);
	return verdict(error == EAGAIN && arg.mapped == 12345, error == EAGAIN && arg.mapped == -EAGAIN,
		       "Linux 6.1, and not on 6.12 and later");
}
