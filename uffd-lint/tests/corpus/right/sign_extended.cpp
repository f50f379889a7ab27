constexpr long UFFDIO_API = 0xffffffffc018aa3f;
constexpr int UFFDIO_COPY = static_cast<int>(0xc028aa03);
constexpr int UFFDIO_MOVE = -1071076859;
