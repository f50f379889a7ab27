package uffd

// #include <linux/userfaultfd.h>
import "C"

const (
	UFFDIO_API  = C.UFFDIO_API
	UFFDIO_COPY = C.UFFDIO_COPY
	UFFD_API    = 0xAA
)
