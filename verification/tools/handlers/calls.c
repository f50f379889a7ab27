/* What `make bench-inject` times: `calls wakes N` makes N calls from one thread,
   `calls faults N` has N pages filled by a handler, which needs three calls each. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int uffd;
static long page;
static char *data;

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static void *handle(void *arg)
{
	struct pollfd entry = {uffd, POLLIN, 0};
	struct uffd_msg msg;
	for (;;) {
		if (poll(&entry, 1, -1) != 1 || read(uffd, &msg, sizeof msg) != sizeof msg)
			continue;
		struct uffdio_copy copy = {.dst = msg.arg.pagefault.address & -page,
			.src = (unsigned long)data, .len = page};
		if (ioctl(uffd, UFFDIO_COPY, &copy))
			die("UFFDIO_COPY");
	}
	return arg;
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	struct uffdio_api api = {.api = UFFD_API};
	pthread_t handler;
	page = sysconf(_SC_PAGESIZE);
	data = calloc(1, page);
	/* UFFD_USER_MODE_ONLY, which older headers lack. */
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd");
	char *memory = mmap(NULL, count * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register arg = {.range = {(unsigned long)memory, count * page},
		.mode = UFFDIO_REGISTER_MODE_MISSING};
	if (memory == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &arg))
		die("UFFDIO_REGISTER");
	if (strcmp(argv[1], "faults") == 0)
		pthread_create(&handler, NULL, handle, NULL);
	for (long n = 0; n < count; n++) {
		struct uffdio_range range = {(unsigned long)memory, page};
		if (strcmp(argv[1], "faults") == 0)
			*(volatile char *)(memory + n * page);
		else if (ioctl(uffd, UFFDIO_WAKE, &range))
			die("UFFDIO_WAKE");
	}
	return 0;
}
