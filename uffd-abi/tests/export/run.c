/* The exported C at work: see export_compiled.rs. */
#include "uffd.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MUST(holds) ((holds) ? (void)0 : fail(#holds))

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *touch(void *address)
{
	*(volatile char *)address = 1;
	return NULL;
}

int main(int argc, char **argv)
{
	MUST(argc == 3);
	size_t page = (size_t)atol(argv[2]);
	int fd = (int)syscall(atol(argv[1]), O_CLOEXEC | UFFD_USER_MODE_ONLY);
	MUST(fd >= 0);

	struct uffdio_api api = { .api = UFFD_API };
	MUST(ioctl(fd, UFFDIO_API, &api) == 0);
	MUST(api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	MUST(api.ioctls & 1ULL << _UFFDIO_REGISTER);

	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(memory != MAP_FAILED);
	struct uffdio_range all = { .start = (uintptr_t)memory, .len = 2 * page };
	struct uffdio_register reg = { .range = all,
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP };
	MUST(ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
	MUST(reg.ioctls & 1ULL << _UFFDIO_COPY);

	char *data = malloc(page);
	MUST(data);
	memset(data, 0x5a, page);
	struct uffdio_copy copy = { .dst = (uintptr_t)memory, .src = (uintptr_t)data, .len = page,
		.mode = UFFDIO_COPY_MODE_WP };
	MUST(ioctl(fd, UFFDIO_COPY, &copy) == 0);
	MUST(memory[page - 1] == 0x5a);

	/* The write hangs if the protection was not lifted. */
	struct uffdio_writeprotect protect = { .range = { .start = (uintptr_t)memory, .len = page } };
	MUST(ioctl(fd, UFFDIO_WRITEPROTECT, &protect) == 0);
	memory[0] = 1;

	pthread_t thread;
	MUST(pthread_create(&thread, NULL, touch, memory + page) == 0);
	struct uffd_msg msg;
	MUST(read(fd, &msg, sizeof(msg)) == 32);
	MUST(msg.event == UFFD_EVENT_PAGEFAULT);
	MUST(msg.arg.pagefault.flags == UFFD_PAGEFAULT_FLAG_WRITE);
	struct uffdio_zeropage zero = { .range = { .start = msg.arg.pagefault.address, .len = page } };
	MUST(ioctl(fd, UFFDIO_ZEROPAGE, &zero) == 0);
	MUST(pthread_join(thread, NULL) == 0);

	MUST(ioctl(fd, UFFDIO_WAKE, &all) == 0);
	MUST(ioctl(fd, UFFDIO_UNREGISTER, &all) == 0);
	printf("copied %lld, fault at %llu, zeroed %lld\n", (long long)copy.copy,
	       (unsigned long long)(msg.arg.pagefault.address - all.start), (long long)zero.zeropage);
	return 0;
}
