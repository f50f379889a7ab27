"""The exported Python at work: see export_compiled.rs."""

import ctypes
import mmap
import os
import sys
import threading

import uffd

number, page = int(sys.argv[1]), int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    return result


def ioctl(request, argument):
    must(libc.ioctl(fd, ctypes.c_ulong(request), ctypes.byref(argument)))


fd = must(libc.syscall(ctypes.c_long(number), os.O_CLOEXEC | uffd.UFFD_USER_MODE_ONLY))

api = uffd.uffdio_api(api=uffd.UFFD_API)
ioctl(uffd.UFFDIO_API, api)
assert api.features & uffd.UFFD_FEATURE_PAGEFAULT_FLAG_WP
assert api.ioctls & 1 << uffd.UFFDIO_REGISTER_NR

memory = mmap.mmap(-1, 2 * page, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
everything = uffd.uffdio_range(start, 2 * page)
modes = uffd.UFFDIO_REGISTER_MODE_MISSING | uffd.UFFDIO_REGISTER_MODE_WP
register = uffd.uffdio_register(range=everything, mode=modes)
ioctl(uffd.UFFDIO_REGISTER, register)
assert register.ioctls & 1 << uffd.UFFDIO_COPY_NR

data = ctypes.create_string_buffer(b"\x5a" * page)
copy = uffd.uffdio_copy(dst=start, src=ctypes.addressof(data), len=page, mode=uffd.UFFDIO_COPY_MODE_WP)
ioctl(uffd.UFFDIO_COPY, copy)
assert memory[page - 1] == 0x5A

# The write hangs if the protection was not lifted.
ioctl(uffd.UFFDIO_WRITEPROTECT, uffd.uffdio_writeprotect(range=uffd.uffdio_range(start, page)))
memory[0] = 1

# Of another library's functions only, no thread waits for the one in the fault.
target = ctypes.c_void_p(start + page)
thread = threading.Thread(target=libc.memset, args=(target, 1, 1))
thread.start()
msg = uffd.uffd_msg()
assert libc.read(fd, ctypes.byref(msg), ctypes.c_size_t(ctypes.sizeof(msg))) == 32
assert msg.event == uffd.UFFD_EVENT_PAGEFAULT
assert msg.arg.pagefault.flags == uffd.UFFD_PAGEFAULT_FLAG_WRITE
zero = uffd.uffdio_zeropage(range=uffd.uffdio_range(msg.arg.pagefault.address, page))
ioctl(uffd.UFFDIO_ZEROPAGE, zero)
thread.join()

ioctl(uffd.UFFDIO_WAKE, everything)
ioctl(uffd.UFFDIO_UNREGISTER, everything)
at = msg.arg.pagefault.address - start
print(f"copied {copy.copy}, fault at {at}, zeroed {zero.zeropage}")
