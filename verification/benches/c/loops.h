/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loop around each call, the same for both ways of C. The file that
 * includes this defines NAME(call), COUNT(call) and the CALL_* macros. Each function makes
 * a call for each of n arguments and returns how many failed.
 */
#include <stddef.h>

#define LOOP(call, type, expression)                                         \
	size_t NAME(call)(int fd, type *args, size_t n);                     \
	size_t NAME(call)(int fd, type *args, size_t n)                      \
	{                                                                    \
		size_t failures = 0;                                         \
		for (size_t i = 0; i < n; i++) {                             \
			type *arg = &args[i];                                \
			if ((expression) < 0)                                \
				failures++;                                  \
		}                                                            \
		return failures;                                             \
	}

struct messages {
	struct uffd_msg msgs[64];
};

LOOP(wake, struct uffdio_range, CALL_WAKE(fd, arg))
LOOP(writeprotect, struct uffdio_writeprotect, CALL_WRITEPROTECT(fd, arg))
LOOP(copy, struct uffdio_copy, CALL_COPY(fd, arg))
LOOP(continue, struct uffdio_continue, CALL_CONTINUE(fd, arg))
LOOP(move, struct uffdio_move, CALL_MOVE(fd, arg))
LOOP(pagemap_scan, struct pm_scan_arg, CALL_PAGEMAP_SCAN(fd, arg))
LOOP(read_1, struct messages, CALL_READ(fd, arg->msgs, 1))
LOOP(read_64, struct messages, CALL_READ(fd, arg->msgs, 64))

/* One call each, its result handed on: what instructions.rs counts. */
int COUNT(wake)(int fd, struct uffdio_range *arg);
int COUNT(writeprotect)(int fd, struct uffdio_writeprotect *arg);
long COUNT(read)(int fd, struct uffd_msg *msgs);
int COUNT(scan)(int fd, struct pm_scan_arg *arg);

int COUNT(wake)(int fd, struct uffdio_range *arg)
{
	return CALL_WAKE(fd, arg);
}

int COUNT(writeprotect)(int fd, struct uffdio_writeprotect *arg)
{
	return CALL_WRITEPROTECT(fd, arg);
}

long COUNT(read)(int fd, struct uffd_msg *msgs)
{
	return CALL_READ(fd, msgs, 64);
}

int COUNT(scan)(int fd, struct pm_scan_arg *arg)
{
	return CALL_PAGEMAP_SCAN(fd, arg);
}
