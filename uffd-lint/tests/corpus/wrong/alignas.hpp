#pragma once
#include <cstdint>
struct alignas(32) uffdio_zeropage {
    std::uint64_t start, len;
    std::uint64_t mode;
    std::int64_t zeropage;
    std::uint64_t spare;
};
