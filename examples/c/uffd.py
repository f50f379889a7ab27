#!/usr/bin/env python3
"""A page fault answered in Python, through libuffd_sys.so and ctypes.

    python3 uffd.py [libuffd_sys.so.0]
"""

import ctypes
import mmap
import os
import sys
import threading
from ctypes import c_int, c_int64, c_long, c_uint8, c_uint16, c_uint32, c_uint64, c_ulong

UFFD_API = 0xAA
UFFD_USER_MODE_ONLY = 1
UFFDIO_REGISTER_MODE_MISSING = 1
UFFD_EVENT_PAGEFAULT = 0x12


class Api(ctypes.Structure):
    _fields_ = [("api", c_uint64), ("features", c_uint64), ("ioctls", c_uint64)]


class Register(ctypes.Structure):
    _fields_ = [("start", c_uint64), ("len", c_uint64), ("mode", c_uint64), ("ioctls", c_uint64)]


class Copy(ctypes.Structure):
    _fields_ = [("dst", c_uint64), ("src", c_uint64), ("len", c_uint64), ("mode", c_uint64), ("copy", c_int64)]


class Msg(ctypes.Structure):
    """A message; its last words as those of a page fault."""

    _fields_ = [("event", c_uint8), ("reserved1", c_uint8), ("reserved2", c_uint16), ("reserved3", c_uint32),
                ("flags", c_uint64), ("address", c_uint64), ("ptid", c_uint32), ("padding", c_uint32)]


def load(path):
    # CDLL releases the interpreter's lock in calls, without which the handler
    # could not run while another thread faults. use_errno keeps errno.
    try:
        lib = ctypes.CDLL(path, use_errno=True)
    except OSError as error:
        sys.exit(f"{error}\nInstall it (make install, then ldconfig), or name the file: python3 uffd.py PATH")
    lib.uffd_sys_read.restype = c_long
    lib.uffd_sys_read.argtypes = [c_int, ctypes.POINTER(Msg), c_ulong]
    return lib


def checked(result, what):
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{what}: {os.strerror(errno)}")
    return result


def main():
    lib = load(sys.argv[1] if len(sys.argv) > 1 else "libuffd_sys.so.0")
    fd = checked(lib.uffd_sys_userfaultfd(os.O_CLOEXEC | UFFD_USER_MODE_ONLY), "userfaultfd")
    checked(lib.uffd_sys_api(fd, ctypes.byref(Api(api=UFFD_API))), "UFFDIO_API")

    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, page, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    register = Register(start=address, len=page, mode=UFFDIO_REGISTER_MODE_MISSING)
    checked(lib.uffd_sys_register(fd, ctypes.byref(register)), "UFFDIO_REGISTER")

    # Read through libc, which is called without the interpreter's lock: a
    # fault in Python code itself would stop the handler too.
    seen = ctypes.create_string_buffer(5)
    reader = threading.Thread(target=ctypes.CDLL(None).memcpy, args=(seen, ctypes.c_void_p(address), 5))
    reader.start()

    msg = Msg()
    checked(lib.uffd_sys_read(fd, ctypes.byref(msg), 1), "read")
    assert msg.event == UFFD_EVENT_PAGEFAULT and msg.address == address
    data = ctypes.create_string_buffer(b"hello", page)
    copy = Copy(dst=address, src=ctypes.addressof(data), len=page)
    checked(lib.uffd_sys_copy(fd, ctypes.byref(copy)), "UFFDIO_COPY")
    reader.join()
    print(f"from the handler: {seen.raw.decode()}")


if __name__ == "__main__":
    main()
