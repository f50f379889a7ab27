import ctypes

UFFD_API = 0xAA
UFFDIO_API = 0xc018aa3f
UFFDIO_REGISTER = 0xC040AA00
UFFDIO_UNREGISTER = 0x8008AA01
USERFAULTFD_IOC_NEW = 0x2000AA00


class uffdio_register(ctypes.Structure):
    _fields_ = [
        ("start", ctypes.c_uint64),
        ("len", ctypes.c_uint64),
        ("mode", ctypes.c_uint32),
        ("ioctls", ctypes.c_uint64),
    ]
