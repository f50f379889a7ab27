#pragma once
enum class Request : unsigned {
    UFFDIO_API = 0xC018AA3F,
    UFFDIO_WRITEPROTECT = 0xC018AA07,
};
enum class Mode : unsigned long long {
    UFFDIO_WRITEPROTECT_MODE_WP = 1ull << 1,
    UFFDIO_WRITEPROTECT_MODE_DONTWAKE = 1ull << 0,
};
