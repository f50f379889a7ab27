import fcntl


def poison(fd, argument):
    fcntl.ioctl(fd, 0xC018AA08, argument)
