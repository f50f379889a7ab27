#if __mips == 64
# define UFFDIO_WAKE 0x4010aa02
#elif _MIPS_SIM == _ABI64
# define UFFDIO_WAKE 0x4010aa02
#elif defined(__powerpc64__) && _CALL_ELF == 2
# define UFFDIO_WAKE 0x4010aa02
#elif __riscv_xlen >= 64
# define UFFDIO_WAKE 0x8010aa02
#endif
