namespace raw {
constexpr std::uint32_t UFFDIO_COPY{0xC028'AA03u};
constexpr auto UFFDIO_WAKE = static_cast<unsigned long>(0x8010AA02);
inline constexpr std::uint64_t UFFD_FEATURE_MOVE = std::uint64_t{1} << 16;
const unsigned long UFFDIO_REGISTER = _IOWR(0xAA, 0, uffdio_register);
const char *page = R"x(
#define UFFDIO_API 0
constexpr int UFFDIO_MOVE = 1; )" )x";
}
