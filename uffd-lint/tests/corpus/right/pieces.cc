#define CODE_DIR_READ 2u
static const unsigned kSize = sizeof(struct uffdio_range);
static const unsigned UFFDIO_WAKE = CODE_DIR_READ << 30 | kSize << 16 | 0xAA << 8 | 0x02;
static const unsigned UFFDIO_API = (3u << 30) + (24 << 16) + (0xAA << 8) + 0x3F;
