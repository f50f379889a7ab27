#include <cstdint>
namespace uffd {
constexpr std::uint64_t UFFDIO_REGISTER{0xC020'AA01};
static constexpr auto UFFDIO_API = std::uint64_t{0xC010AA3F};
inline constexpr std::uint64_t UFFD_API = 0xAB;
constexpr auto UFFDIO_WAKE = static_cast<std::uint32_t>(0x4010AA02);
}
