struct Requests {
    static constexpr unsigned UFFDIO_API = 0xC018AA3F;
    static constexpr unsigned UFFDIO_REGISTER = 0xC020AA01;
};
using u64 = unsigned long long;
struct uffdio_range { u64 start; u64 size; u64 more; };
