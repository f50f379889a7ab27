struct uffdio_range {
    unsigned long long start;
    unsigned long long len;
};
struct uffdio_continue {
    uffdio_range range;
    unsigned long long mode;
};
const unsigned long UFFDIO_CONTINUE = _IOWR(0xAA, 7, uffdio_continue);
