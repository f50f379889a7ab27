#include <cstdint>
struct uffd_msg {
	uint8_t event;
	uint8_t pad0;
	uint16_t pad1;
	uint32_t pad2;
	uint64_t flags;
	uint64_t address;
	uint32_t ptid;
	uint32_t pad3;
};
static_assert(sizeof(uffd_msg) == 32);
