from codes import codes

UFFDIO_COPY = codes.UFFDIO_COPY
UFFDIO_WAKE = 0x8010AA02
