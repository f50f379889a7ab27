package uffd

/*
#cgo CFLAGS: -O2
#define UFFDIO_CONTINUE 0xc020aa07
struct uffdio_range {
	unsigned long long start, len;
};
*/
import "C"

const uffdioMove = 0xc028aa05
