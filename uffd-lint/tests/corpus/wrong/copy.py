from ctypes import Structure, c_uint64, c_int64, sizeof


class UffdioCopy(Structure):
    _fields_ = [("dst", c_uint64), ("src", c_uint64), ("len", c_uint64),
                ("mode", c_uint64), ("copy", c_uint64)]


def _IOWR(group, number, size):
    return 3 << 30 | size << 16 | group << 8 | number


UFFDIO_COPY = _IOWR(0xAA, 0x04, sizeof(UffdioCopy))
UFFDIO_ZEROPAGE = _IOWR(0xAA, 0x04, 24)
