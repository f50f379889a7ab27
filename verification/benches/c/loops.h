/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The places where a call is made, the same for both ways of C; the counterparts
 * in Rust are in src/places.rs. The file that includes this defines NAME(call),
 * COUNT(call) and the CALL_* macros. Each function makes a call for each of n
 * arguments and returns how many failed.
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

/* The same, in a function that returns after the call. */
#define RETURNS(call, type, expression)                                      \
	static __attribute__((noinline)) int NAME(one_##call)(int fd,        \
							      type *arg)     \
	{                                                                    \
		return expression;                                           \
	}                                                                    \
	LOOP(returns_##call, type, NAME(one_##call)(fd, arg))

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

RETURNS(wake, struct uffdio_range, CALL_WAKE(fd, arg))
RETURNS(writeprotect, struct uffdio_writeprotect, CALL_WRITEPROTECT(fd, arg))
RETURNS(copy, struct uffdio_copy, CALL_COPY(fd, arg))

struct handled {
	unsigned long long source;
};

/* A handler's loop, which fills pages or lifts their protection. */
#define HANDLE(name, declared, call)                                         \
	size_t NAME(name)(int fd, struct handled *args, size_t n);           \
	size_t NAME(name)(int fd, struct handled *args, size_t n)            \
	{                                                                    \
		size_t failures = 0;                                         \
		for (size_t i = 0; i < n; i++) {                             \
			struct uffd_msg msg;                                 \
			if (CALL_READ(fd, &msg, 1) < 0 ||                    \
			    msg.event != UFFD_EVENT_PAGEFAULT) {             \
				failures++;                                  \
				continue;                                    \
			}                                                    \
			unsigned long long start =                           \
				msg.arg.pagefault.address & ~4095ULL;        \
			unsigned long long source = args[i].source;          \
			(void)source;                                        \
			declared;                                            \
			if (call(fd, &arg) < 0)                              \
				failures++;                                  \
		}                                                            \
		return failures;                                             \
	}

#define COPY_ARG                                                             \
	struct uffdio_copy arg = { start, source, 4096,                      \
				   UFFDIO_COPY_MODE_DONTWAKE, 0 }
#define LIFT_ARG                                                             \
	struct uffdio_writeprotect arg = {                                   \
		{ start, 4096 }, UFFDIO_WRITEPROTECT_MODE_DONTWAKE           \
	}

HANDLE(handle_copy, COPY_ARG, CALL_COPY)
HANDLE(handle_lift, LIFT_ARG, CALL_WRITEPROTECT)

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
