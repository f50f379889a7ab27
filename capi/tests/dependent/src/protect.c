#include <uffd_sys.h>

/* Fails with EBADF, and tells that it came here. */
int protect_nothing(struct uffdio_writeprotect *arg);

int protect_nothing(struct uffdio_writeprotect *arg)
{
	return uffd_sys_writeprotect(-1, arg);
}

unsigned protect_request(unsigned *size);

unsigned protect_request(unsigned *size)
{
	*size = (unsigned)sizeof(struct uffdio_writeprotect);
	return UFFDIO_WRITEPROTECT;
}
