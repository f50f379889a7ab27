"""UFFDIO_WAKE = 0x4010aa02
UFFDIO_MOVE = 3
"""
import ctypes, platform, struct

UFFDIO_API = 0xc018aa3f
UFFDIO_REGISTER: int = 0xC020AA00  # not 0xC040AA00
UFFD_EVENT_PAGEFAULT = 0x12; UFFD_OTHER = 0
if platform.machine() in ("ppc64le", "mips64"):
    UFFDIO_WAKE = 0x4010AA02
else:
    UFFDIO_WAKE = 0x8010AA02


def copy(fd, UFFDIO_COPY=0):
    request = dict(UFFDIO_MOVE=1,
                   UFFDIO_POISON=2)
    return request


class Requests:
    UFFDIO_ZEROPAGE = _IOWR(0xAA, 0x04, struct.calcsize("=QQQq"))
    UFFDIO_COPY = ((2 | 1) << 30) | (40 << 16) | (0xAA << 8) | 3
