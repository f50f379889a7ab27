#pragma once
namespace uffd {
enum class UffdEvent : unsigned char {
    Pagefault = 0x12,
    Fork,
    Remap,
    Unmap,
    Remove,
};
}
