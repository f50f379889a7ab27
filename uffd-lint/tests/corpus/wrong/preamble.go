package uffd

/*
#include <stdint.h>
#ifndef UFFDIO_CONTINUE
#define UFFDIO_CONTINUE 0xc018aa07
#endif
struct uffdio_move {
	uint64_t dst, src, len, mode;
	uint64_t move;
};
*/
import "C"

const uffdioMove = 0xc028aa05
