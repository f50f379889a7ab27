package uffd

// uffd-abi: allow(UFFDIO_WAKE) the test of a refusal
const uffdioWake = 0x4010aa02
