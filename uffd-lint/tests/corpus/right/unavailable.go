package uffd

// #include <linux/userfaultfd.h>
// #ifndef UFFDIO_MOVE
// #define UFFDIO_MOVE -1
// #endif
// #ifndef UFFD_FEATURE_POISON
// #define UFFD_FEATURE_POISON 0
// #endif
// #define UFFD_EVENT_FORK 0x13
import "C"

const moveCode = C.UFFDIO_MOVE
