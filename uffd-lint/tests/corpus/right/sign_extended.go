package uffd

const uffdioAPI uint64 = 0xffffffffc018aa3f
