/* Bits of an entry of /proc/PID/pagemap, read by hand: no scan. */
#define PAGE_IS_PRESENT (1ULL << 63)
#define PAGE_IS_SWAPPED (1ULL << 62)
#define PAGE_IS_FILE (1ULL << 61)
struct page_region { void *start; };
enum { UFFD_EVENT_PAGEFAULT = 0x12 };
