#include <uffd_sys.h>

/* Compiled twice, once against each version's header. */
unsigned REQUEST(void);

unsigned REQUEST(void)
{
	struct uffdio_writeprotect none = { { 0, 0 }, 0 };

	return uffd_sys_writeprotect(-1, &none) == -1 ? UFFDIO_WRITEPROTECT : 0;
}
