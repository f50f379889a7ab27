int use(int uffd, void *argument)
{
	if (syscall(SYS_ioctl, uffd, 0xc020aa00, argument))
		return ioctl(uffd, 0x8010aa02u, argument);
	/* Of others. */
	ioctl(uffd, 0xc0105512, argument);
	return ioctl(uffd, 0xaa13, argument);
}
