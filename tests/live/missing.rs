//! Missing pages: COPY, ZEROPAGE, WAKE.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

/// A region registered for missing faults.
fn registered(memory: Memory, pages: usize) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(memory.missing_features())?;
    let region = Region::map(memory, pages)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
        .expect("UFFDIO_REGISTER");
    Ok((region, uffd))
}

on_each_memory! { copy_resolves_a_read }

fn copy_resolves_a_read(memory: Memory) -> Tested {
    let (region, uffd) = registered(memory, 2)?;
    let reader = region.read_in_background(1);
    let fault = uffd.next_fault();
    assert_eq!(
        fault,
        Fault {
            flags: 0,
            address: region.address(1),
            thread: 0
        }
    );
    reader.assert_waiting();
    assert_eq!(
        uffd.copy(region.page(1), 42, 0),
        (Ok(()), region.page_size() as i64)
    );
    assert_eq!(reader.join(), 42);
    uffd.assert_no_message();
    Ok(())
}

#[test]
fn a_write_to_a_missing_page_is_flagged() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let writer = region.write_in_background(0, 3);
        assert_eq!(uffd.next_fault().flags, UFFD_PAGEFAULT_FLAG_WRITE);
        uffd.copy(region.all(), 42, 0).0.unwrap();
        writer.join();
        assert_eq!(region.read(0), 3, "the write came after the copy");
        Ok(())
    });
}

#[test]
fn zeropage_resolves_a_read() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 3)?;
        let reader = region.read_in_background(2);
        uffd.next_fault();
        assert_eq!(
            uffd.zeropage(region.all(), 0),
            (Ok(()), 3 * region.page_size() as i64)
        );
        assert_eq!(reader.join(), 0);
        Ok(())
    });
}

#[test]
fn dontwake_fills_and_wake_wakes() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 2)?;
        let readers = [region.read_in_background(0), region.read_in_background(1)];
        uffd.next_fault();
        uffd.next_fault();
        uffd.copy(region.page(0), 6, UFFDIO_COPY_MODE_DONTWAKE)
            .0
            .unwrap();
        uffd.zeropage(region.page(1), UFFDIO_ZEROPAGE_MODE_DONTWAKE)
            .0
            .unwrap();
        readers.iter().for_each(|reader| reader.assert_waiting());
        uffd.wake(region.all()).unwrap();
        assert_eq!(readers.map(|reader| reader.join()), [6, 0]);
        Ok(())
    });
}

#[test]
fn wake_alone_makes_the_thread_fault_again() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let reader = region.read_in_background(0);
        let first = uffd.next_fault();
        uffd.wake(region.all()).unwrap();
        assert_eq!(uffd.next_fault(), first);
        uffd.copy(region.all(), 1, 0).0.unwrap();
        assert_eq!(reader.join(), 1);
        Ok(())
    });
}

#[test]
fn a_partial_fill_is_eagain_and_the_out_field_says_how_much() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 4)?;
        let page = region.page_size() as i64;
        uffd.copy(region.page(3), 9, 0).0.unwrap();
        assert_eq!(uffd.copy(region.range(1..4), 7, 0), (Err(EAGAIN), 2 * page));
        assert_eq!(uffd.zeropage(region.range(0..4), 0), (Err(EAGAIN), page));
        assert_eq!([0, 1, 2, 3].map(|n| region.read(n)), [0, 7, 7, 9]);
        Ok(())
    });
}
