#define UFFD_TYPE 0xAA
#define UFFD_RW(nr, type) _IOWR(UFFD_TYPE, (nr), type)
#define UFFD_RD(nr, type) (2u << 30 | sizeof(type) << 16 | UFFD_TYPE << 8 | (nr))

#define UFFDIO_REGISTER UFFD_RW(0, struct uffdio_range)
#define UFFDIO_COPY UFFD_RW(3, struct uffdio_copy)
#define UFFDIO_UNREGISTER UFFD_RD(2, struct uffdio_range)
