int copy(int uffd, void *argument)
{
    return ::ioctl(uffd, static_cast<unsigned long>(0xC020'AA03), argument);
}
