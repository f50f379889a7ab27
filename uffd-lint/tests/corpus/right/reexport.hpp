#include <linux/userfaultfd.h>
constexpr unsigned long kWake = UFFDIO_WAKE;
enum : unsigned { LINUX_UFFDIO_COPY = UFFDIO_COPY };
