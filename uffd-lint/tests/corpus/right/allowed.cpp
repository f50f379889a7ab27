constexpr unsigned UFFDIO_WAKE = 0x4010aa02; // uffd-abi: allow(UFFDIO_WAKE) the test of a refusal
