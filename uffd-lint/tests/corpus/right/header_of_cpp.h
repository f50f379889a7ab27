#pragma once
namespace uffd {
template <typename T> class Handle { T value; public: explicit Handle(T v) : value{v} {} };
constexpr unsigned UFFDIO_API{0xC018AA3Fu};
enum class Request : unsigned { UFFDIO_WAKE = 0x8010AA02 };
}
