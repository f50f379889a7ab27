#include <linux/userfaultfd.h>
template <typename T> constexpr unsigned long code(unsigned direction, unsigned number)
{
    return direction << 30 | sizeof(T) << 16 | 0xAAu << 8 | number;
}
constexpr unsigned long UFFDIO_MOVE = code<uffdio_copy>(3, 5);
constexpr unsigned long UFFDIO_POISON = code<uffdio_range>(3, 8);
