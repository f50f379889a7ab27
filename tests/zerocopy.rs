//! The feature `zerocopy`: which struct promises what, for every struct of the
//! table, and what the promises are for.

use std::marker::PhantomData;
use std::mem::size_of;

use uffd_sys::abi::table::STRUCTS;
use uffd_sys::*;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Asks whether a type has a trait: a constant of the type's own comes before
/// that of `Otherwise`.
struct Has<T>(PhantomData<T>);

trait Otherwise {
    const FROM_BYTES: bool = false;
    const INTO_BYTES: bool = false;
    const IMMUTABLE: bool = false;
    const KNOWN_LAYOUT: bool = false;
}

impl<T> Otherwise for Has<T> {}

impl<T: FromBytes> Has<T> {
    const FROM_BYTES: bool = true;
}

impl<T: IntoBytes> Has<T> {
    const INTO_BYTES: bool = true;
}

impl<T: Immutable> Has<T> {
    const IMMUTABLE: bool = true;
}

impl<T: KnownLayout> Has<T> {
    const KNOWN_LAYOUT: bool = true;
}

type Counter = std::cell::Cell<String>;

/// These are unions, or hold one.
const WITHOUT_INTO_BYTES: [&str; 4] = [
    "uffd_msg",
    "uffd_msg_arg",
    "uffd_msg_pagefault",
    "uffd_msg_pagefault_feat",
];

macro_rules! promises {
    ($($name:ident)*) => {
        [$((
            stringify!($name),
            [Has::<$name>::FROM_BYTES, Has::<$name>::IMMUTABLE, Has::<$name>::KNOWN_LAYOUT],
            Has::<$name>::INTO_BYTES,
        )),*]
    };
}

#[test]
fn each_struct_promises_what_it_can_keep() {
    let promises = promises! {
        uffd_msg uffd_msg_arg uffd_msg_pagefault uffd_msg_pagefault_feat uffd_msg_fork
        uffd_msg_remap uffd_msg_remove uffd_msg_reserved uffdio_api uffdio_range
        uffdio_register uffdio_copy uffdio_zeropage uffdio_writeprotect uffdio_continue
        uffdio_poison uffdio_rwprotect uffdio_move uffdio_set_mode page_region pm_scan_arg
    };
    let names = promises.iter().map(|(name, ..)| *name);
    assert!(names.eq(STRUCTS.iter().map(|known| known.name)));
    for (name, always, into_bytes) in promises {
        assert_eq!(always, [true; 3], "{name}");
        assert_eq!(into_bytes, !WITHOUT_INTO_BYTES.contains(&name), "{name}");
    }
    let [bytes] = promises! { uffd_msg_bytes };
    assert_eq!(bytes, ("uffd_msg_bytes", [true; 3], true));
    // What asks can say no.
    let [string] = promises! { String };
    assert_eq!((string.1[0], string.1[2], string.2), (false, false, false));
    let [cell] = promises! { Counter };
    assert_eq!(cell.1, [false; 3]);
}

/// Bytes that are all different.
fn pattern<const N: usize>() -> [u8; N] {
    let mut next = 0;
    [(); N].map(|()| {
        next += 1;
        next
    })
}

macro_rules! round_trips {
    ($($name:ident)*) => {$({
        let bytes = pattern::<{ size_of::<$name>() }>();
        let mut read = $name::read_from_bytes(&bytes).unwrap();
        assert_eq!(read.as_bytes(), bytes, stringify!($name));
        read.as_mut_bytes().fill(0);
        assert_eq!(read, $name::new_zeroed());
        assert!($name::read_from_bytes(&bytes[1..]).is_err());
    })*};
}

#[test]
fn bytes_and_back() {
    round_trips! {
        uffd_msg_bytes uffd_msg_fork uffd_msg_remap uffd_msg_remove uffd_msg_reserved
        uffdio_api uffdio_range uffdio_register uffdio_copy uffdio_zeropage
        uffdio_writeprotect uffdio_continue uffdio_poison uffdio_rwprotect uffdio_move
        uffdio_set_mode page_region pm_scan_arg
    }
    let set = uffdio_set_mode {
        enable: 1,
        disable: 2,
    };
    assert_eq!(u64::read_from_bytes(&set.as_bytes()[8..]), Ok(2));
}

/// Messages straight out of the bytes of a read.
#[test]
fn messages_of_a_buffer() {
    let mut buffer = [uffd_msg_bytes::default(); 2];
    buffer[0].bytes[0] = UFFD_EVENT_PAGEFAULT;
    buffer[0].bytes[8..16].copy_from_slice(&UFFD_PAGEFAULT_FLAG_WP.to_ne_bytes());
    buffer[0].bytes[16..24].copy_from_slice(&0x7000_u64.to_ne_bytes());
    buffer[1].bytes[0] = UFFD_EVENT_FORK;
    buffer[1].bytes[8..12].copy_from_slice(&7_u32.to_ne_bytes());
    let bytes = buffer.as_bytes();
    assert_eq!(bytes.len(), 64);

    let messages = <[uffd_msg_bytes]>::ref_from_bytes(bytes).unwrap();
    let fault = messages[0].pagefault().unwrap();
    assert_eq!(
        (fault.flags, fault.address),
        (UFFD_PAGEFAULT_FLAG_WP, 0x7000)
    );
    assert_eq!(messages[1].fork().unwrap().ufd, 7);
    assert!(<[uffd_msg_bytes]>::ref_from_bytes(&bytes[..63]).is_err());

    // All of a message that came from bytes is initialised, whichever event it is.
    let [first, second] = <[uffd_msg; 2]>::read_from_bytes(bytes).unwrap();
    // SAFETY: they were read from bytes.
    let (first, second) = unsafe { (first.assume_init(), second.assume_init()) };
    assert_eq!([first, second], buffer);
    // SAFETY: as above.
    let fault = unsafe {
        uffd_msg::read_from_bytes(&bytes[..32])
            .unwrap()
            .arg
            .pagefault
    };
    assert_eq!(fault.address, 0x7000);
    assert_eq!(
        uffd_msg_pagefault::read_from_bytes(&bytes[8..][..size_of::<uffd_msg_pagefault>()])
            .unwrap()
            .ptid(),
        0
    );
}
