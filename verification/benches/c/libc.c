/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ordinary way of C: ioctl(2) and read(2) of libc. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "uffd_sys.h"

#define NAME(call) c_libc_##call
#define COUNT(call) count_##call##_libc
#define CALL_WAKE(fd, arg) ioctl(fd, UFFDIO_WAKE, arg)
#define CALL_WRITEPROTECT(fd, arg) ioctl(fd, UFFDIO_WRITEPROTECT, arg)
#define CALL_COPY(fd, arg) ioctl(fd, UFFDIO_COPY, arg)
#define CALL_CONTINUE(fd, arg) ioctl(fd, UFFDIO_CONTINUE, arg)
#define CALL_MOVE(fd, arg) ioctl(fd, UFFDIO_MOVE, arg)
#define CALL_PAGEMAP_SCAN(fd, arg) ioctl(fd, PAGEMAP_SCAN, arg)
#define CALL_READ(fd, msgs, n) read(fd, msgs, (n) * sizeof *(msgs))

#include "loops.h"
