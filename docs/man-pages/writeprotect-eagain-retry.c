/* UFFDIO_WRITEPROTECT(2const): does a retry help after EAGAIN? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMOVE);
	int refused = 0, error = 0;
	char *at = map(2);
	pthread_t thread;

	memset(at, 'x', 2 * PAGE);
	uffd_register(fd, at, 2 * PAGE, UFFDIO_REGISTER_MODE_WP);
	thread = uffd_event(fd, at + PAGE);
	for (int i = 0; i < 100; i++)
		refused += uffd_writeprotect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP) == EAGAIN;
	printf("UFFDIO_WRITEPROTECT while an event waits: EAGAIN %d times of 100\n", refused);

	uffd_message(fd); /* wakes the thread that caused the event */
	must(pthread_join(thread, NULL) == 0, "pthread_join(3)");
	error = uffd_writeprotect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
	printf("once the event was read, and its thread went on: %s\n", name(error));
	return verdict(refused == 100 && error == 0, refused < 100, "every kernel tried, Linux 5.10 to 7.3");
}
