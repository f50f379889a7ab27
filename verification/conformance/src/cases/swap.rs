//! Pages that were swapped out. Needs root, and a file system that can hold a
//! swap file, which the initial one of a virtual machine cannot.

use std::ffi::CString;

use super::kit::*;
use super::scan::*;
use crate::prelude::*;

/// Bits of a pagemap entry.
const SWAPPED: u64 = 1 << 62;
const TRACKED: u64 = 1 << 57;

/// A swap file in use; taken out of use when dropped.
struct Swap(CString);

impl Swap {
    fn on(m: &Machine) -> Result<Swap, Stop> {
        let cannot = |what: &str, error: std::io::Error| {
            let errno = error.raw_os_error().unwrap_or(0);
            Stop::Cannot(format!("{}: {}", what, errno_name(errno)))
        };
        let name = format!("uffd-conformance-swap-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, header(m)).map_err(|e| cannot("a swap file", e))?;
        let text = path.to_string_lossy().into_owned();
        let swap = Swap(CString::new(text).expect("no zero byte"));
        // SAFETY: the path ends in zero and lives through the call.
        match unsafe { libc::swapon(swap.0.as_ptr(), 0) } {
            0 => Ok(swap),
            _ => Err(cannot("swapon", std::io::Error::last_os_error())),
        }
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        // SAFETY: the path ends in zero and lives through the calls.
        unsafe {
            libc::swapoff(self.0.as_ptr());
            libc::unlink(self.0.as_ptr());
        }
    }
}

/// An empty swap area of 64 pages: version 1, without bad pages.
fn header(m: &Machine) -> Vec<u8> {
    const PAGES: usize = 64;
    let mut area = vec![0; PAGES * m.page];
    area[1024..1028].copy_from_slice(&1u32.to_ne_bytes());
    area[1028..1032].copy_from_slice(&(PAGES as u32 - 1).to_ne_bytes());
    area[m.page - 10..m.page].copy_from_slice(b"SWAPSPACE2");
    area
}

/// Swaps page `n` out.
fn page_out(region: &Region, n: usize) -> Outcome {
    region.madvise(n, 1, libc::MADV_PAGEOUT)?;
    let gone = sys::eventually(|| region.pagemap(n).map_or(false, |e| e & SWAPPED != 0));
    if gone {
        return Ok(());
    }
    Err(Stop::Cannot(
        "the kernel would not swap the page out".to_owned(),
    ))
}

/// See the head of the file.
pub static CASES: &[Case] = &[
    case(
        "swap-writeprotect",
        "measured",
        "write-protection of anonymous memory outlives being swapped out and in",
        |m| {
            let _swap = Swap::on(m)?;
            let s = Scene::new(m, Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            page_out(&s.region, 0)?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "swap-writeprotect-write",
        "measured",
        "a write to a protected page that is swapped out waits",
        |m| {
            let _swap = Swap::on(m)?;
            let s = Scene::new(m, Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            page_out(&s.region, 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "swap-writeprotect-while-out",
        "measured",
        "pages that are swapped out can be protected, and the protection lifted",
        |m| {
            let _swap = Swap::on(m)?;
            let s = Scene::new(m, Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            page_out(&s.region, 0)?;
            page_out(&s.region, 1)?;
            s.protect(0, 2)?;
            s.unprotect(1, 1)?;
            s.traps_write(0)?;
            s.lets_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "swap-async",
        "userfaultfd.rst, Write Protect Notifications; pagemap.rst, PAGEMAP_SCAN: PAGE_IS_SWAPPED",
        "asynchronous tracking outlives being swapped out: SWAPPED, and not WRITTEN",
        |m| {
            let _swap = Swap::on(m)?;
            let features = UFFD_FEATURE_WP_ASYNC;
            let s = Scene::new(m, Memory::Anon, 2, features, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 2)?;
            page_out(&s.region, 0)?;
            has(&s.region, PAGE_IS_SWAPPED, &[(0, 1)])?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.lets_read(0, FIRST)?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.lets_write(0)?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "swap-shmem",
        "userfaultfd.rst, Read-Write Protection",
        "write-protection of shared memory outlives being swapped out, by a marker",
        |m| {
            let _swap = Swap::on(m)?;
            let s = Scene::new(m, Memory::Shmem, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            s.region.madvise(0, 1, libc::MADV_PAGEOUT)?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "swap-move",
        "measured",
        "UFFDIO_MOVE moves pages that are swapped out",
        |m| {
            let _swap = Swap::on(m)?;
            let s = Scene::empty(m, Memory::Anon, 1, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            let source = Region::source(m, 1, FIRST)?;
            page_out(&source, 0)?;
            s.uffd
                .move_(s.at(0), source.at(0), m.page, 0)
                .gives(m.page)?;
            s.region.holds(0, FIRST)?;
            source.holds(0, 0)
        },
    )
    .features(UFFD_FEATURE_MOVE),
    case(
        "swap-rwprotect",
        "UFFDIO_RWPROTECT(2const), DESCRIPTION",
        "read-write-protection of anonymous memory outlives being swapped out and in",
        |m| {
            let _swap = Swap::on(m)?;
            let s = Scene::new(m, Memory::Anon, 1, HAS_RWP, UFFDIO_REGISTER_MODE_RWP)?;
            s.rwprotect(0, 1)?;
            page_out(&s.region, 0)?;
            ensure!(
                s.region.pagemap(0)? & TRACKED != 0,
                "the swapped page lost its mark"
            );
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
];
