// Not plain data: the linter leaves it alone.
struct UffdioCopy {
    explicit UffdioCopy(void *to) : dst{to} {}
    void *dst;
};
enum class Event : std::uint8_t { UFFD_EVENT_FORK = 0x13, UFFD_EVENT_UNMAP = 0x16 };
