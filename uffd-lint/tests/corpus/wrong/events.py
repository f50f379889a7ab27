import enum


class UffdEvent(enum.IntEnum):
    PAGEFAULT = 0x12
    FORK = 0x13
    REMAP = 0x15
    REMOVE = 0x14
