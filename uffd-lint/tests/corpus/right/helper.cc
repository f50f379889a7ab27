template <class T> constexpr unsigned long iowr(unsigned number)
{
    return 3u << 30 | sizeof(T) << 16 | 0xAAu << 8 | number;
}
constexpr auto UFFDIO_WRITEPROTECT = iowr<uffdio_writeprotect>(6);
