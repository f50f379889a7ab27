int wake(int uffd, void *argument)
{
	return ::ioctl(uffd, 0x8010'aa02, argument);
}
