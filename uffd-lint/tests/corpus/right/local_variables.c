#include <linux/userfaultfd.h>
#define UFFDIO_COPY_NR 3

static int supported(struct uffdio_register *reg)
{
	/* Bits of `ioctls`, in names that look like request codes. */
	const unsigned int uffdio_copy = 1 << _UFFDIO_COPY;
	const unsigned int uffdio_zeropage = 1 << _UFFDIO_ZEROPAGE;
	struct uffdio_range uffdio_range = { .start = 1, .len = 2 };

	return (reg->ioctls & uffdio_copy) && (reg->ioctls & uffdio_zeropage);
}
