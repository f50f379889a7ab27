#include <sys/ioctl.h>

int wake(int uffd, void *range)
{
	if (ioctl(uffd, 0xc018aa3f, range))
		return -1;
	return ioctl(uffd, 0xc010aa02, range);
}
