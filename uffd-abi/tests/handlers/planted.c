/* Programs that are stuck, for the tests of `uffd-abi inspect`:
 *
 *   planted unread | unresolved | gone | closes | fine | elsewhere | shared
 *
 * Each prints "ready" when it is as it shall be. `closes` waits for a byte on its
 * input before it closes, `elsewhere` has its memory handled by its parent, and so has `shared`,
 * which keeps the descriptor all the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int uffd;
static char *memory;
static int bell[2];

static void die(const char *what)
{
	perror(what);
	exit(9);
}

static void open_uffd(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	/* USER_MODE_ONLY, which needs no privilege, and which kernels lack before 5.11. */
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	if (uffd < 0 && errno == EINVAL)
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd");
	memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register arg = {
		.range = {(unsigned long)memory, 65536}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	if (memory == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &arg))
		die("UFFDIO_REGISTER");
}

static void *touch(void *at)
{
	return (void *)(long)*(volatile char *)at;
}

/* A handler that does something else. */
static void *pause_forever(void *arg)
{
	char byte;
	return read(bell[0], &byte, 1) == 1 ? arg : NULL;
}

/* A handler that takes a message and goes back to sleep. */
static void *take_one(void *arg)
{
	struct uffd_msg msg;
	if (read(uffd, &msg, sizeof msg) != sizeof msg)
		die("read");
	return pause_forever(arg);
}

/* A handler that returns. */
static void *leave(void *arg)
{
	return arg;
}

static void *serve(void *arg)
{
	struct uffd_msg msg;
	long page = sysconf(_SC_PAGESIZE);
	while (read(uffd, &msg, sizeof msg) == sizeof msg) {
		struct uffdio_zeropage zero = {
			.range = {msg.arg.pagefault.address & -page, page}};
		ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return arg;
}

static unsigned long total(void)
{
	char path[64], line[128];
	unsigned long pending = 0, total = 0;
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", uffd);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		sscanf(line, "pending: %lu", &pending);
		sscanf(line, "total: %lu", &total);
	}
	fclose(f);
	return total * 1000 + pending;
}

static void until(unsigned long counts)
{
	while (total() != counts)
		usleep(1000);
	puts("ready");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *state = argc > 1 ? argv[1] : "";
	pthread_t handler, waiter;
	char byte;
	if (pipe(bell))
		die("pipe");
	open_uffd();
	if (!strcmp(state, "elsewhere") || !strcmp(state, "shared")) {
		/* The child's memory is registered by the child, and handled by nobody in
		 * the parent, which keeps the descriptor. */
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			die("socketpair");
		close(uffd);
		pid_t child = fork();
		union {
			struct cmsghdr head;
			char room[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec part = {&byte, 1};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
			.msg_control = &control, .msg_controllen = sizeof control};
		if (child == 0) {
			/* With its own descriptor open it would wait for ever. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			open_uffd();
			control.head.cmsg_level = SOL_SOCKET;
			control.head.cmsg_type = SCM_RIGHTS;
			control.head.cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(&control.head), &uffd, sizeof uffd);
			if (sendmsg(pair[0], &message, 0) != 1)
				die("sendmsg");
			if (!strcmp(state, "elsewhere"))
				close(uffd);
			touch(memory);
			return 0;
		}
		if (recvmsg(pair[1], &message, 0) != 1)
			die("recvmsg");
		memcpy(&uffd, CMSG_DATA(&control.head), sizeof uffd);
		until(1001);
		printf("%d\n", child);
		fflush(stdout);
		waitpid(child, NULL, 0);
		return 0;
	}
	void *(*handle)(void *) = !strcmp(state, "unread")  ? pause_forever
	                        : !strcmp(state, "unresolved") ? take_one
	                        : !strcmp(state, "fine")    ? serve
	                                                    : leave;
	pthread_create(&handler, NULL, handle, NULL);
	if (!strcmp(state, "gone") || !strcmp(state, "closes"))
		pthread_join(handler, NULL);
	pthread_create(&waiter, NULL, touch, memory);
	if (!strcmp(state, "closes")) {
		until(1001);
		if (read(0, &byte, 1) != 1)
			die("read");
		close(uffd);
		pthread_join(waiter, NULL);
		/* Lives until it was seen. */
		return read(0, &byte, 1) < 0;
	}
	until(!strcmp(state, "fine") ? 0 : !strcmp(state, "unresolved") ? 1000 : 1001);
	pthread_join(waiter, NULL);
	return read(0, &byte, 1) < 0;
}
