/*
 * Which pages did a piece of code write to? Write-protects memory, lets a
 * worker thread write, and notes each first write of a page.
 *
 *   cc wp_tracker.c $(pkg-config --cflags --libs uffd_sys) -pthread
 *   cc -DUFFD_SYS_HEADER_ONLY wp_tracker.c -pthread
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <uffd_sys.h>

enum { PAGES = 16 };

static size_t page;

static void fail(const char *what)
{
	fprintf(stderr, "wp_tracker: %s: %s\n", what, strerror(errno));
	if (errno == EPERM)
		fprintf(stderr, "Set vm.unprivileged_userfaultfd=1, or run with CAP_SYS_PTRACE.\n");
	exit(1);
}

/* User mode only, because that needs no privilege. */
static int open_userfaultfd(void)
{
	struct uffdio_api api = {UFFD_API, UFFD_FEATURE_PAGEFAULT_FLAG_WP, 0};
	int fd = uffd_sys_userfaultfd(O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		fail("userfaultfd");
	if (uffd_sys_api(fd, &api))
		fail("UFFDIO_API (write-protection needs Linux 5.7)");
	return fd;
}

/* Every third page, so that there is something to tell apart. */
static void *worker(void *memory)
{
	for (size_t i = 0; i < PAGES; i += 3)
		((volatile char *)memory)[i * page + 5] = 1;
	return NULL;
}

static void protect(int fd, void *memory, size_t len, uint64_t mode)
{
	struct uffdio_writeprotect wp = {{(uintptr_t)memory, len}, mode};

	if (uffd_sys_writeprotect(fd, &wp))
		fail("UFFDIO_WRITEPROTECT");
}

int main(void)
{
	int fd = open_userfaultfd();
	pthread_t thread;

	page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	/* Anonymous pages that are not there yet cannot be protected. */
	memset(memory, 0, PAGES * page);

	struct uffdio_register reg = {{(uintptr_t)memory, PAGES * page},
				      UFFDIO_REGISTER_MODE_WP, 0};
	if (uffd_sys_register(fd, &reg))
		fail("UFFDIO_REGISTER");
	protect(fd, memory, PAGES * page, UFFDIO_WRITEPROTECT_MODE_WP);

	if (pthread_create(&thread, NULL, worker, memory))
		fail("pthread_create");
	printf("written pages:");
	for (size_t i = 0; i < PAGES; i += 3) {
		struct uffd_msg msg;

		if (uffd_sys_read(fd, &msg, 1) != sizeof msg)
			fail("read");
		if (msg.event != UFFD_EVENT_PAGEFAULT ||
		    !(msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)) {
			fprintf(stderr, "wp_tracker: another event: %#x\n", msg.event);
			return 1;
		}
		/* Zero lifts the protection and lets the thread go on. */
		char *address = (char *)(uintptr_t)(msg.arg.pagefault.address & ~(page - 1));
		printf(" %zu", (size_t)(address - memory) / page);
		protect(fd, address, page, 0);
	}
	printf("\n");
	pthread_join(thread, NULL);
	return 0;
}
