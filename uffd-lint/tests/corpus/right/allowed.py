UFFDIO_WAKE = 0x4010AA02  # uffd-abi: allow(UFFDIO_WAKE) the test of a refusal
