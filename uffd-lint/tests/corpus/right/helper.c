#define TYPE 0xAA
#define RW(nr, type) _IOWR(TYPE, (nr), type)
#define RD(nr, size) ((2u << 30) | ((size) << 16) | (TYPE << 8) | (nr))
static inline unsigned by_hand(unsigned nr, unsigned size) { return RD(nr, size) | 1u << 30; }

#define UFFDIO_REGISTER RW(0, struct uffdio_register)
#define UFFDIO_WAKE RD(2, sizeof(struct uffdio_range))
static const unsigned UFFDIO_COPY = by_hand(3, 40);
