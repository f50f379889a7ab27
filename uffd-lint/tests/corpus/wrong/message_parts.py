import ctypes


class Fault(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("address", ctypes.c_uint64)]


class Argument(ctypes.Union):
    _fields_ = [("pagefault", Fault), ("words", ctypes.c_uint64 * 3)]


class uffd_msg(ctypes.Structure):
    _fields_ = [
        ("event", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 7),
        ("arg", Argument),
    ]
