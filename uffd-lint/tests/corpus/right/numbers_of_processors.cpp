#if defined(__powerpc64__) && _CALL_ELF == 2
constexpr unsigned long UFFDIO_WAKE = 0x4010aa02;
#elif __mips == 64
constexpr unsigned long UFFDIO_WAKE = 0x4010aa02;
#else
constexpr unsigned long UFFDIO_WAKE = 0x8010aa02;
#endif
