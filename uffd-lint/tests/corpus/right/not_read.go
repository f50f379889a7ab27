package uffd

const uffdioWake = 0x8010aa02
const const UFFDIO_COPY 0xc028aa04
