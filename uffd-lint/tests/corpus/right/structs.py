from ctypes import Structure, Union, c_int64, c_uint8, c_uint16, c_uint32, c_uint64

u64 = c_uint64


class uffdio_range(Structure):
    _fields_ = [("start", u64), ("len", u64)]


class uffdio_zeropage(Structure):
    _fields_ = [
        ("range", uffdio_range),
        ("mode", u64),
        ("zeropage", c_int64),
    ]


class Arg(Union):
    _fields_ = [("words", u64 * 3), ("ufd", c_uint32)]


class uffd_msg(Structure):
    _pack_ = 1
    _fields_ = [
        ("event", c_uint8),
        ("reserved1", c_uint8),
        ("reserved2", c_uint16),
        ("reserved3", c_uint32),
        ("arg", Arg),
    ]


class UffdMsg:
    """Not a copy of the kernel's."""

    event = None
