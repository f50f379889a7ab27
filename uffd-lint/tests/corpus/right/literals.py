import fcntl


def wake(uffd, argument):
    fcntl.ioctl(uffd, 0x5413, argument)
    return fcntl.ioctl(uffd, 0x8010AA02, argument)
