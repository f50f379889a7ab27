#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_WPALLOWED (1 << 0)
#define PAGE_IS_WRITTEN (1 << 1)
#define PAGE_IS_HUGE (1 << 6)
#define PM_SCAN_CHECK_WPASYNC (1 << 1)
struct page_region { __u64 start, end, categories; };
struct pm_scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted;
	__u64 category_mask;
	__u64 category_anyof_mask, return_mask;
};
