/*
 * What the programs of this folder share. Include it first.
 *
 * It uses the system's <linux/userfaultfd.h> and <linux/fs.h>. With
 * -I ../../include it uses uffd_sys.h, which adds what they lack.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include("uffd_sys.h")
#include "uffd_sys.h"
#else
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#endif

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

static inline const char *name(int error)
{
	switch (error) {
	case 0: return "success";
	case EAGAIN: return "EAGAIN";
	case EBUSY: return "EBUSY";
	case EEXIST: return "EEXIST";
	case EFAULT: return "EFAULT";
	case EINVAL: return "EINVAL";
	case ENOENT: return "ENOENT";
	case ENOMEM: return "ENOMEM";
	case ENOTTY: return "ENOTTY";
	case EPERM: return "EPERM";
	case ESRCH: return "ESRCH";
	default: return strerror(error);
	}
}

/* The kernel, or this user's rights, do not suffice for the program. */
static inline void cannot(const char *what)
{
	printf("Cannot be tried here: %s: %s\n", what, name(errno));
	exit(77);
}

/* What the page and our text both take for granted. */
static inline void must(int held, const char *what)
{
	if (!held) {
		printf("The program itself failed: %s: %s\n", what, name(errno));
		exit(2);
	}
}

/* What the program ends with: 0 as our text says, 1 as the page says, 2 neither. */
static inline int verdict(int we, int page, const char *seen)
{
	printf("This kernel does what %s says.\n", we ? "our text" : page ? "the page" : "neither");
	printf("What our text says was seen on %s.\n", seen);
	return we ? 0 : page ? 1 : 2;
}

/* An ioctl's errno, or zero. */
static inline int call(int fd, unsigned int request, void *arg)
{
	return ioctl(fd, request, arg) == -1 ? errno : 0;
}

/* A userfaultfd before its handshake. Faults of the kernel are not needed. */
static inline int uffd_create(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd == -1 && errno == EPERM)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd == -1)
		cannot("userfaultfd(2)");
	return fd;
}

static inline void uffd_enable(int fd, unsigned long long features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};

	if (call(fd, UFFDIO_API, &api) != 0)
		cannot("the kernel does not have the features that are needed");
}

/* A userfaultfd with these features. */
static inline int uffd_open(unsigned long long features)
{
	int fd = uffd_create();

	uffd_enable(fd, features);
	return fd;
}

/* Anonymous memory, of which no page is there. */
static inline char *map(size_t pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(at != MAP_FAILED, "mmap(2)");
	return at;
}

/* Shared memory, of which each page is in the page cache. */
static inline char *map_shared(size_t pages)
{
	int file = memfd_create("memory", MFD_CLOEXEC);
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	must(file != -1 && at != MAP_FAILED && ftruncate(file, pages * PAGE) == 0, "memfd_create(2)");
	for (size_t i = 0; i < pages; i++)
		must(pwrite(file, "x", 1, i * PAGE) == 1, "pwrite(2)");
	close(file);
	return at;
}

static inline struct uffdio_range range(char *at, size_t len)
{
	struct uffdio_range range = {.start = (unsigned long)at, .len = len};

	return range;
}

static inline void uffd_register(int fd, char *at, size_t len, unsigned long long mode)
{
	struct uffdio_register arg = {.range = range(at, len), .mode = mode};

	must(call(fd, UFFDIO_REGISTER, &arg) == 0, "UFFDIO_REGISTER");
}

static inline int uffd_writeprotect(int fd, char *at, size_t len, unsigned long long mode)
{
	struct uffdio_writeprotect arg = {.range = range(at, len), .mode = mode};

	return call(fd, UFFDIO_WRITEPROTECT, &arg);
}

static inline void *drop_page(void *at)
{
	return madvise(at, PAGE, MADV_DONTNEED) == 0 ? at : NULL;
}

static inline void *read_page(void *at)
{
	return *(volatile char *)at ? at : NULL;
}

/* Starts the thread, and waits until there is something to be read from `fd`. */
static inline pthread_t uffd_waits(int fd, void *(*thread)(void *), char *at)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	pthread_t id;

	must(pthread_create(&id, NULL, thread, at) == 0, "pthread_create(3)");
	must(poll(&ready, 1, 10000) == 1 && ready.revents == POLLIN, "no message came");
	return id;
}

/* Discards the page in another thread, whose UFFD_EVENT_REMOVE is left unread:
   the thread sleeps in madvise(2) until it is read. */
static inline pthread_t uffd_event(int fd, char *at)
{
	return uffd_waits(fd, drop_page, at);
}

static inline struct uffd_msg uffd_message(int fd)
{
	struct uffd_msg msg;

	must(read(fd, &msg, sizeof(msg)) == sizeof(msg), "read(2) of a message");
	return msg;
}

/* Bit 57 of the page's entry in /proc/self/pagemap. */
static inline int uffd_protected(char *at)
{
	int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned long long entry;
	off_t where = (unsigned long)at / PAGE * sizeof(entry);

	must(pread(file, &entry, sizeof(entry), where) == sizeof(entry), "/proc/self/pagemap");
	close(file);
	return entry >> 57 & 1;
}
