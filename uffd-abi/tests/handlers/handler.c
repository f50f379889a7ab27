/* A handler of the kind that people write, with five mistakes that people made. Each
 * is one branch; without a name the program is right, the twin of all five.
 *
 *   handler [eexist-not-woken | asleep-after-eagain | eintr-ends | errno-late |
 *            out-unsigned] [elsewhere]
 *
 * `elsewhere`: the handler is another process, which the descriptor is sent to.
 * Exit code 0: each page had the right contents. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 64, WORKERS = 4 };

static const char *bug = "";
static int uffd;
static long page_size;
static char *memory, *data;

static int has(const char *name)
{
	return strcmp(bug, name) == 0;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char contents(long page)
{
	return (char)(page * 7 + 1);
}

/* What a log does to errno: isatty(3) fails with ENOTTY or EBADF. */
static void log_failure(void)
{
	isatty(-1);
}

static void wake(char *at)
{
	struct uffdio_range range = {(unsigned long)at, page_size};
	if (ioctl(uffd, UFFDIO_WAKE, &range))
		die("UFFDIO_WAKE");
}

static void fill(char *at)
{
	useconds_t pause = 50;
	long page = (at - memory) / page_size;
	memset(data, contents(page), page_size);
	for (;;) {
		struct uffdio_copy copy = {.dst = (unsigned long)at,
			.src = (unsigned long)data, .len = page_size};
		int result = ioctl(uffd, UFFDIO_COPY, &copy);
		if (result == 0)
			return;
		if (has("out-unsigned")) {
			/* -EAGAIN is a very large number of bytes. */
			if ((unsigned long long)copy.copy >= (unsigned long long)page_size)
				return;
		}
		if (has("errno-late"))
			log_failure();
		if (errno == EEXIST) {
			if (!has("eexist-not-woken"))
				wake(at);
			return;
		}
		if (errno != EAGAIN)
			die("UFFDIO_COPY");
		if (has("asleep-after-eagain"))
			return; /* "The event will tell." */
		usleep(pause);
		pause = pause < 3000 ? 2 * pause : pause;
	}
}

static void *handle(void *arg)
{
	for (;;) {
		struct pollfd entry = {uffd, POLLIN, 0};
		if (poll(&entry, 1, -1) < 0) {
			if (errno == EINTR && !has("eintr-ends"))
				continue;
			return arg;
		}
		struct uffd_msg msgs[8];
		ssize_t bytes = read(uffd, msgs, sizeof msgs);
		if (bytes < 0) {
			if (errno == EAGAIN || (errno == EINTR && !has("eintr-ends")))
				continue;
			return arg;
		}
		for (int n = 0; n < bytes / (ssize_t)sizeof *msgs; n++)
			fill((char *)(unsigned long)(msgs[n].arg.pagefault.address & -page_size));
	}
}

static void *work(void *arg)
{
	for (long page = (long)arg; page < PAGES; page += WORKERS) {
		if (memory[page * page_size] != contents(page)) {
			fprintf(stderr, "page %ld is wrong\n", page);
			exit(1);
		}
		/* So that the handler has to wait now and then, too. */
		usleep(1000);
	}
	return NULL;
}

static void open_uffd(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	/* The lowest bit is UFFD_USER_MODE_ONLY, which older headers lack, and kernels
	 * before 5.11. */
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
	if (uffd < 0 && errno == EINVAL)
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd");
	memory = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register arg = {.range = {(unsigned long)memory, PAGES * page_size},
		.mode = UFFDIO_REGISTER_MODE_MISSING};
	if (memory == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &arg))
		die("UFFDIO_REGISTER");
}

static void start_handler(void)
{
	pthread_t handler;
	pthread_create(&handler, NULL, handle, NULL);
}

static int run_workers(void)
{
	pthread_t workers[WORKERS];
	/* Until the handler waits, however slow all is: a supervisor answers calls in
	 * their order. */
	for (int n = 0; n < 20; n++) {
		usleep(2000);
		wake(memory);
	}
	for (long n = 0; n < WORKERS; n++)
		pthread_create(&workers[n], NULL, work, (void *)n);
	for (int n = 0; n < WORKERS; n++)
		pthread_join(workers[n], NULL);
	return 0;
}

/* A child whose faults this process handles: it sends its descriptor. */
static int handle_child(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec part = {&memory, sizeof memory};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control};
	int pair[2], status;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		die("socketpair");
	if (fork() == 0) {
		open_uffd();
		memcpy(CMSG_DATA(&control.head), &uffd, sizeof uffd);
		if (sendmsg(pair[0], &message, 0) < 0)
			die("sendmsg");
		exit(run_workers());
	}
	if (recvmsg(pair[1], &message, 0) < 0)
		die("recvmsg");
	memcpy(&uffd, CMSG_DATA(&control.head), sizeof uffd);
	start_handler();
	wait(&status);
	return status != 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		bug = argv[1];
	page_size = sysconf(_SC_PAGESIZE);
	data = malloc(page_size);
	if (!data)
		die("malloc");
	if (argc > 2)
		return handle_child();
	open_uffd();
	start_handler();
	return run_workers();
}
