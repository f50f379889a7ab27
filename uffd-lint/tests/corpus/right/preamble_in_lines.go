package uffd

import (
	"fmt"
	// #include <linux/ioctl.h>
	// #define UFFDIO_WAKE _IOR(0xAA, 2, struct uffdio_range)
	"C"
)

var _ = fmt.Sprint
