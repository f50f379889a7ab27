//! WP_ASYNC: writes are not trapped but noted, and PAGEMAP_SCAN reports them.

#![allow(clippy::single_range_in_vec_init)] // Lists of runs of pages are meant.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

/// A region under asynchronous write-protection, all of it clean.
fn tracked(memory: Memory, pages: usize) -> Result<(Region, Uffd, Pagemap), Skip> {
    let uffd = Uffd::open(memory.wp_features() | UFFD_FEATURE_WP_ASYNC)?;
    let (region, pagemap) = (Region::map(memory, pages)?, Pagemap::open()?);
    uffd.protect_populated(&region);
    Ok((region, uffd, pagemap))
}

on_each_memory! { written_pages_are_reported_once_and_protected_again }

fn written_pages_are_reported_once_and_protected_again(memory: Memory) -> Tested {
    let (region, uffd, pagemap) = tracked(memory, 4)?;
    assert_eq!(pagemap.take_written(&region), []);
    region.write(1, 50); // Not trapped: this very thread writes.
    region.write(3, 51);
    assert_eq!(pagemap.take_written(&region), [1..2, 3..4]);
    assert_eq!(pagemap.take_written(&region), [], "they are clean again");
    region.write(2, 52);
    region.write(3, 53);
    assert_eq!(
        pagemap.take_written(&region),
        [2..4],
        "neighbours are one run"
    );
    uffd.assert_no_message();
    assert_eq!([0, 1, 2, 3].map(|page| region.read(page)), [1, 50, 52, 53]);
    Ok(())
}

#[test]
fn a_full_array_or_max_pages_ends_the_scan_at_walk_end() {
    run(|| {
        let (region, _uffd, pagemap) = tracked(Memory::Anonymous, 5)?;
        for page in [0, 2, 3, 4] {
            region.write(page, 1);
        }
        let mut arg = Pagemap::argument(&region);
        assert_eq!(pagemap.scan(&region, &mut arg, 1).unwrap(), [0..1]);
        assert!(arg.walk_end < arg.end, "the array was full");
        arg.start = arg.walk_end;
        arg.max_pages = 2;
        assert_eq!(pagemap.scan(&region, &mut arg, 4).unwrap(), [2..4]);
        assert_eq!(arg.walk_end, region.address(4));
        (arg.start, arg.max_pages) = (arg.walk_end, 0);
        assert_eq!(pagemap.scan(&region, &mut arg, 4).unwrap(), [4..5]);
        assert_eq!(arg.walk_end, arg.end);
        Ok(())
    });
}

#[test]
fn the_categories_of_a_page() {
    run(|| {
        let (region, _uffd, pagemap) = tracked(Memory::Anonymous, 2)?;
        region.write(1, 1);
        let asked = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN | PAGE_IS_FILE | PAGE_IS_PRESENT;
        let (mut arg, mut found) = (Pagemap::argument(&region), [page_region::default(); 4]);
        (arg.category_mask, arg.return_mask) = (PAGE_IS_PRESENT, asked);
        (arg.vec, arg.vec_len) = (found.as_mut_ptr() as u64, found.len() as u64);
        // SAFETY: `vec` has room for `vec_len` runs.
        let result = call(|| unsafe { pagemap_scan(pagemap.fd(), &mut arg) });
        assert_eq!(result, Ok(2));
        let both = PAGE_IS_WPALLOWED | PAGE_IS_PRESENT;
        assert_eq!(found[0].categories, both);
        assert_eq!(found[1].categories, both | PAGE_IS_WRITTEN);
        Ok(())
    });
}
