#include <cstdint>
struct uffd_msg {
	uint8_t event;
	uint8_t reserved[7];
	union {
		struct {
			uint64_t address;
			uint64_t flags;
		} pagefault;
		struct {
			uint64_t start;
			uint64_t end;
		} remove;
		uint64_t room[3];
	} arg;
};
