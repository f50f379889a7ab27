// #define UFFDIO_WAKE 1 \
#define UFFDIO_COPY 2
/* #define UFFDIO_MOVE 3
#define UFFDIO_POISON 4 */
const char *text = "\
#define UFFDIO_API 5\n";
#define UFFDIO_ZEROPAGE /* the code */ 0xC020AA04 // right
int use(int fd) { return ioctl(fd, UFFDIO_REGISTER, &(struct uffdio_register){ .mode = 1 }); }
