import ctypes


class UffdioRegisterArgs(ctypes.Structure):
    _fields_ = [
        ("start", ctypes.c_uint64),
        ("len", ctypes.c_uint64),
        ("ioctls", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
    ]
