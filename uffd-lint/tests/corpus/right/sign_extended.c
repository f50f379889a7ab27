#define UFFDIO_API 0xffffffffc018aa3f
#define UFFDIO_REGISTER ((long)(int)0xc020aa00)
static const long UFFDIO_COPY = -1071076861;
