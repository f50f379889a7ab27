//! Every name of userfaultfd-sys 0.6 (feature linux5_13), at its type.

use userfaultfd_sys::*;

macro_rules! names {
    ($ty:ty: $($name:ident)*) => { $(let _: $ty = $name;)* };
}

#[test]
fn every_name_has_its_type() {
    names!(u64: UFFD_API UFFD_API_FEATURES UFFD_API_IOCTLS UFFD_API_RANGE_IOCTLS
        UFFD_API_RANGE_IOCTLS_BASIC UFFD_API_REGISTER_MODES
        UFFDIO_REGISTER_MODE_MISSING UFFDIO_REGISTER_MODE_WP UFFDIO_REGISTER_MODE_MINOR
        UFFDIO_COPY_MODE_DONTWAKE UFFDIO_COPY_MODE_WP UFFDIO_ZEROPAGE_MODE_DONTWAKE
        UFFDIO_WRITEPROTECT_MODE_WP UFFDIO_WRITEPROTECT_MODE_DONTWAKE
        UFFDIO_CONTINUE_MODE_DONTWAKE
        _UFFDIO_REGISTER _UFFDIO_UNREGISTER _UFFDIO_WAKE _UFFDIO_COPY _UFFDIO_ZEROPAGE
        _UFFDIO_WRITEPROTECT _UFFDIO_CONTINUE _UFFDIO_API
        UFFD_PAGEFAULT_FLAG_WRITE UFFD_PAGEFAULT_FLAG_WP UFFD_PAGEFAULT_FLAG_MINOR
        UFFD_FEATURE_PAGEFAULT_FLAG_WP UFFD_FEATURE_EVENT_FORK UFFD_FEATURE_EVENT_REMAP
        UFFD_FEATURE_EVENT_REMOVE UFFD_FEATURE_EVENT_UNMAP UFFD_FEATURE_MISSING_HUGETLBFS
        UFFD_FEATURE_MISSING_SHMEM UFFD_FEATURE_SIGBUS UFFD_FEATURE_THREAD_ID
        UFFD_FEATURE_MINOR_HUGETLBFS UFFD_FEATURE_MINOR_SHMEM);
    names!(u8: UFFDIO UFFD_EVENT_PAGEFAULT UFFD_EVENT_FORK UFFD_EVENT_REMAP UFFD_EVENT_REMOVE
        UFFD_EVENT_UNMAP);
    names!(u32: UFFDIO_API UFFDIO_REGISTER UFFDIO_UNREGISTER UFFDIO_WAKE UFFDIO_COPY
        UFFDIO_ZEROPAGE UFFDIO_WRITEPROTECT UFFDIO_CONTINUE);

    let msg = uffd_msg {
        event: UFFD_EVENT_PAGEFAULT,
        reserved1: 0,
        reserved2: 0,
        reserved3: 0,
        arg: uffd_msg__bindgen_ty_1 {
            pagefault: uffd_msg__bindgen_ty_1__bindgen_ty_1 {
                flags: UFFD_PAGEFAULT_FLAG_WRITE,
                address: 0x1000 as __u64,
                feat: uffd_msg__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1 { ptid: 7 as __u32 },
            },
        },
    };
    // SAFETY: the member that was written.
    let (address, ptid) = unsafe { (msg.arg.pagefault.address, msg.arg.pagefault.feat.ptid) };
    assert_eq!((address, ptid), (0x1000, 7));
    let range = uffdio_range {
        start: 0,
        len: 4096,
    };
    let copied = uffdio_copy {
        dst: 0,
        src: 0,
        len: 0,
        mode: 0,
        copy: -11 as __s64,
    };
    let zeroed = uffdio_zeropage {
        range,
        mode: 0,
        zeropage: -11,
    };
    let continued = uffdio_continue {
        range,
        mode: 0,
        mapped: -11,
    };
    assert_eq!(
        (copied.copy, zeroed.zeropage, continued.mapped),
        (-11, -11, -11)
    );
    let _ = uffdio_api {
        api: UFFD_API,
        features: 0,
        ioctls: 0,
    };
    let _ = uffdio_register {
        range,
        mode: UFFDIO_REGISTER_MODE_WP,
        ioctls: 0,
    };
    let _ = uffdio_writeprotect {
        range,
        mode: UFFDIO_WRITEPROTECT_MODE_WP,
    };
}
