//! Reading messages, and how they are shown.

use std::ptr::null_mut;

use crate::support::*;
use uffd_sys::*;

/// A userfaultfd with `count` messages waiting, one for each page.
fn with_messages(count: usize) -> Result<(Region, Uffd, Vec<Background<u8>>), Skip> {
    let (uffd, region) = (Uffd::open(0)?, Region::map(Memory::Anonymous, count)?);
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
        .expect("UFFDIO_REGISTER");
    let readers = (0..count)
        .map(|page| region.read_in_background(page))
        .collect();
    // No call tells how many wait. A message that is read stays unresolved,
    // and a woken thread faults anew, so: read all, wake all, watch them wait.
    for _ in 0..count {
        uffd.next_fault();
    }
    Ok((region, uffd, readers))
}

#[test]
fn one_read_takes_as_many_messages_as_wait_and_fit() {
    run(|| {
        let (region, uffd, readers) = with_messages(5)?;
        uffd.wake(region.all()).unwrap();
        readers.iter().for_each(|reader| reader.assert_waiting());
        let first = uffd.read(2).unwrap();
        assert_eq!(first.len(), 2, "no more than there is room for");
        let rest = uffd.read(64).unwrap();
        assert_eq!(rest.len(), 3, "no more than there are");
        let mut addresses: Vec<_> = first
            .into_iter()
            .chain(rest)
            .map(|message| Fault::from(message).address)
            .collect();
        addresses.sort();
        assert_eq!(
            addresses,
            (0..5).map(|page| region.address(page)).collect::<Vec<_>>()
        );
        uffd.assert_no_message();
        uffd.zeropage(region.all(), 0).0.unwrap();
        readers
            .into_iter()
            .for_each(|reader| assert_eq!(reader.join(), 0));
        Ok(())
    });
}

#[test]
fn without_a_message_a_non_blocking_read_is_eagain() {
    run(|| {
        let uffd = Uffd::open(0)?;
        assert_eq!(uffd.read(1).err(), Some(EAGAIN));
        assert_eq!(uffd.read(64).err(), Some(EAGAIN));
        Ok(())
    });
}

#[test]
fn without_room_for_one_message_it_is_einval() {
    run(|| {
        let uffd = Uffd::open(0)?;
        assert_eq!(uffd.read(0).err(), Some(EINVAL));
        let mut room = [0u8; 31];
        // SAFETY: there is room for 31 bytes.
        let short = call(|| unsafe { libc::read(uffd.fd(), room.as_mut_ptr().cast(), 31) as i64 });
        assert_eq!(short, Err(EINVAL));
        Ok(())
    });
}

#[test]
fn a_message_read_to_null_is_efault() {
    run(|| {
        let (region, uffd, _reader) = with_messages(1)?;
        uffd.wake(region.all()).unwrap();
        uffd.wait_readable();
        // SAFETY: the kernel answers an address where nothing is by EFAULT.
        let read = call(|| unsafe { uffd_read(uffd.fd(), null_mut(), 1) as i64 });
        assert_eq!(read, Err(EFAULT));
        Ok(())
    });
}

#[test]
fn a_blocking_read_waits_for_a_message() {
    run(|| {
        kernel_features()?;
        let fd = open_fd(0)
            .or_else(|_| open_fd(UFFD_USER_MODE_ONLY))
            .unwrap();
        let uffd = std::sync::Arc::new(Uffd::with_fd(fd, 0)?);
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let handler = uffd.clone();
        let message = in_background(move || Fault::from(handler.read(1).unwrap()[0]));
        message.assert_waiting();
        let reader = region.read_in_background(0);
        assert_eq!(message.join().address, region.address(0));
        uffd.zeropage(region.all(), 0).0.unwrap();
        assert_eq!(reader.join(), 0);
        Ok(())
    });
}

#[test]
fn debug_of_a_fault_shows_the_fault() {
    run(|| {
        let (region, uffd, _reader) = with_messages(1)?;
        uffd.wake(region.all()).unwrap();
        let shown = format!("{:?}", uffd.next_message());
        let address = region.address(0);
        let expected = format!(
            "uffd_msg_bytes {{ pagefault: uffd_msg_pagefault {{ flags: 0, address: {address:#x}, ptid: 0 }} }}"
        );
        assert_eq!(shown, expected);
        Ok(())
    });
}
