#include <linux/types.h>

/* Aligned for a cache line, so that two of them are not behind each other. */
struct uffdio_range {
	__u64 start;
	__u64 len;
} __attribute__((aligned(64)));

struct page_of_scan { __u64 PAGEMAP_SCAN; };
struct page_region {
	__u64 start;
	__u64 end __attribute__((aligned(16)));
	__u64 categories;
};
