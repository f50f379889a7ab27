def iowr(number, size):
    return 3 << 30 | size << 16 | 0xAA << 8 | number


UFFDIO_POISON = iowr(8, 32)
