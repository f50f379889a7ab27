/* Each of them is the code of something else, which the kernel does. */
#define UFFDIO_COPY 0xc028aa05
#define UFFDIO_WAKE 0x8010aa01
#define UFFDIO_ZEROPAGE 0xc020aa00
#define PAGEMAP_SCAN 0xc018aa3f
