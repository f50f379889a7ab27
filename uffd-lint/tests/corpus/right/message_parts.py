from ctypes import Structure, Union, c_uint8, c_uint32, c_uint64


class Pagefault(Structure):
    _fields_ = [("flags", c_uint64), ("address", c_uint64), ("ptid", c_uint32)]


class Argument(Union):
    _fields_ = [("pagefault", Pagefault), ("room", c_uint64 * 3)]


class uffd_msg(Structure):
    _fields_ = [("event", c_uint8), ("reserved", c_uint8 * 7), ("arg", Argument)]
