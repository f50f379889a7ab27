#include "codes.h"
/* Nothing to check in the first two: the numbers are elsewhere. */
#define UFFDIO_WAKE MY_WAKE
#define UFFDIO_COPY make_code(3, struct uffdio_copy)
#define UFFDIO_API 0xC018AA3F
