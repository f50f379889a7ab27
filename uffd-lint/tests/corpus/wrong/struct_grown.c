#include <stdint.h>
struct uffdio_api {
	uint64_t api;
	uint64_t features;
	uint64_t ioctls;
	uint64_t reserved;
};
struct uffdio_register {
	struct { uint64_t start; uint64_t len; } range;
	uint32_t mode;
	uint64_t ioctls;
};
