#include <stdint.h>
static const uint16_t UFFDIO_COPY = 0xC028AA03;
static const unsigned long UFFDIO_ZEROPAGE = 0xC020AA05;
