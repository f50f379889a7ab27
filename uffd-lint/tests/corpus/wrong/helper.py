def _ioc(direction, number, size):
    return direction << 30 | size << 16 | 0xAA << 8 | number


iowr = lambda number, size: _ioc(3, number, size)

UFFDIO_API = iowr(0x3F, 24)
UFFDIO_MOVE = iowr(5, 32)
UFFDIO_SET_MODE = _ioc(2, 0x0A, 16)
