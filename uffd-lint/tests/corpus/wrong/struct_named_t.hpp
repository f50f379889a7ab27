#include <cstdint>
struct uffdio_zeropage_t {
	uint64_t start, len;
	int64_t zeropage;
	uint64_t mode;
};
