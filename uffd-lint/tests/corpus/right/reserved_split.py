from ctypes import Structure, c_uint8, c_uint64


class uffd_msg(Structure):
    _fields_ = [
        ("event", c_uint8),
        ("reserved1", c_uint8 * 7),
        ("flags", c_uint64),
        ("address", c_uint64),
        ("reserved2", c_uint64),
    ]
