/* A file for one processor, as its folder says. */
#define UFFDIO_WAKE 0x4010aa02
#define UFFDIO_SET_MODE 0x8010aa0a
#define UFFDIO_COPY 0xc028aa03
