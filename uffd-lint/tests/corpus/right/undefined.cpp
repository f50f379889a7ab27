#define UFFDIO_WAKE 0
#undef UFFDIO_WAKE
constexpr unsigned UFFDIO_WAKE = 0x8010aa02;
