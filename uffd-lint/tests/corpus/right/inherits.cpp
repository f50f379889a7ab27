constexpr unsigned UFFDIO_WAKE = 0x8010aa02;
struct uffdio_copy : Base<{
	uint64_t dst;
#ifdef A
	uint64_t src; };
#endif
