package uffd

const uffdioWake = 0x4010aa02
