// C++ that has names of its own, as emulators do: a struct used without the
// word `struct`, and functions called like those of other wrappers.
#include <uffd_sys.h>

#include <cerrno>
#include <cstdio>

int uffd_open(int flags);
int uffd_copy_page(int uffd, void *dst, void *src, unsigned long len);

int uffd_open(int flags)
{
	return uffd_sys_userfaultfd(flags);
}

int uffd_copy_page(int uffd, void *dst, void *src, unsigned long len)
{
	uffdio_copy copy;
	copy.dst = reinterpret_cast<unsigned long>(dst);
	copy.src = reinterpret_cast<unsigned long>(src);
	copy.len = len;
	copy.mode = 0;
	copy.copy = 0;
	return uffd_sys_copy(uffd, &copy);
}

int main()
{
	errno = 0;
	if (uffd_copy_page(-1, nullptr, nullptr, 0) != -1 || errno != EBADF)
		return 1;
	/* Whoever may not open one for all faults would meet EPERM first. */
	if (uffd_open(UFFD_USER_MODE_ONLY | 1 << 30) != -1 || errno != EINVAL)
		return 2;
	std::puts("neighbours");
	return 0;
}
