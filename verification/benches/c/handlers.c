/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The handlers of faults.rs in C, through libc. Each resolves `faults` faults with
 * `ahead` pages of `source` each, and returns 0, or a line number on failure.
 */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "uffd_sys.h"

enum wait { WAIT_BLOCKING, WAIT_POLL, WAIT_BUSY };

int c_handle(int fd, const void *source, unsigned long page,
	     unsigned long faults, int wait, unsigned long batch,
	     unsigned long ahead);
int c_fill(int fd, const void *source, unsigned long page,
	   unsigned long address, unsigned long ahead);

int c_fill(int fd, const void *source, unsigned long page,
	   unsigned long address, unsigned long ahead)
{
	struct uffdio_copy copy = {
		.dst = address & ~(page * ahead - 1),
		.src = (unsigned long)source,
		.len = page * ahead,
	};
	return ioctl(fd, UFFDIO_COPY, &copy);
}

int c_handle(int fd, const void *source, unsigned long page,
	     unsigned long faults, int wait, unsigned long batch,
	     unsigned long ahead)
{
	struct uffd_msg msgs[64];

	while (faults > 0) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t bytes;

		if (wait == WAIT_POLL && poll(&ready, 1, -1) < 0)
			return __LINE__;
		bytes = read(fd, msgs, batch * sizeof msgs[0]);
		if (bytes < 0) {
			if (errno == EAGAIN)
				continue;
			return __LINE__;
		}
		for (size_t i = 0; i < (size_t)bytes / sizeof msgs[0]; i++) {
			if (msgs[i].event != UFFD_EVENT_PAGEFAULT)
				return __LINE__;
			if (c_fill(fd, source, page,
				   msgs[i].arg.pagefault.address, ahead) < 0)
				return __LINE__;
			faults--;
		}
	}
	return 0;
}
