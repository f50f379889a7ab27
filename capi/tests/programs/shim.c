/* The static inline functions as symbols, so that a test can call them. Built
   as it is and with UFFD_SYS_LIBC. */
#define UFFD_SYS_HEADER_ONLY
#include <uffd_sys.h>

#define SHIM(name, type)                                                     \
	int shim_##name(int fd, struct type *arg);                           \
	int shim_##name(int fd, struct type *arg)                            \
	{                                                                    \
		return uffd_sys_##name(fd, arg);                             \
	}

SHIM(api, uffdio_api)
SHIM(register, uffdio_register)
SHIM(unregister, uffdio_range)
SHIM(wake, uffdio_range)
SHIM(copy, uffdio_copy)
SHIM(zeropage, uffdio_zeropage)
SHIM(move, uffdio_move)
SHIM(continue, uffdio_continue)
SHIM(poison, uffdio_poison)
SHIM(writeprotect, uffdio_writeprotect)
SHIM(rwprotect, uffdio_rwprotect)
SHIM(set_mode, uffdio_set_mode)
SHIM(pagemap_scan, pm_scan_arg)

int shim_userfaultfd(int flags);
int shim_userfaultfd(int flags)
{
	return uffd_sys_userfaultfd(flags);
}

int shim_userfaultfd_new(int devfd, int flags);
int shim_userfaultfd_new(int devfd, int flags)
{
	return uffd_sys_userfaultfd_new(devfd, flags);
}

long shim_read(int fd, struct uffd_msg *msgs, unsigned long n);
long shim_read(int fd, struct uffd_msg *msgs, unsigned long n)
{
	return uffd_sys_read(fd, msgs, n);
}
