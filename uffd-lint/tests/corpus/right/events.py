import enum


class UffdEvent(enum.IntEnum):
    PAGEFAULT = 0x12
    FORK = 0x13
    UNMAP = 0x16

    def fork(self):
        FORK = 1
        return FORK
