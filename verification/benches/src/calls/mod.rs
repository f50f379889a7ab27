//! The cost of one call, by way and by the place where it is made.

mod waiting;

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::time::Instant;

use libc::c_int;
use uffd_sys::*;

use crate::experiment::{Plan, Sheet};
use crate::memory::{Pages, Region};
use crate::places::*;
use crate::round::{rounds, Effort};
use crate::stats::median;
use crate::uffd::{kernel_features, Uffd};

/// Measures the ways of a field on the same arguments.
fn measure_field<A>(
    sheet: &mut Sheet,
    group: &str,
    field: &Field<A>,
    fd: c_int,
    args: &mut [A],
    effort: Effort,
    mut prepare: impl FnMut(),
) {
    let samples = rounds(field.len(), effort, |contender| {
        prepare();
        let (who, call) = field[contender];
        let begin = Instant::now();
        // SAFETY: `args` are arguments for this call, made by the caller.
        let failures = unsafe { call(fd, args.as_mut_ptr(), args.len()) };
        let time = begin.elapsed();
        let error = io::Error::last_os_error();
        assert_eq!(failures, 0, "{group} by {who}: {error}");
        time.as_nanos() as f64 / args.len() as f64
    });
    for ((who, _), samples) in field.iter().zip(&samples) {
        sheet.put(group, who, "ns", median(samples));
    }
}

/// The places where a call is made.
pub const LOOP: &str = "in a loop";
pub const RETURNS: &str = "in a function that returns";
pub const HANDLER: &str = "in a handler's loop";

fn at(call: &str, place: &str) -> String {
    format!("{call}, {place}")
}

/// Everything, in this process.
pub fn measure(plan: &mut Plan) -> io::Result<()> {
    let effort = if plan.short {
        Effort::ms(20, 3)
    } else {
        Effort::ms(350, 7)
    };
    let sheet = &mut plan.sheet;
    wake(sheet, effort)?;
    for pages in [1, 16, 512] {
        writeprotect(sheet, pages, effort)?;
    }
    copy(sheet, effort)?;
    let features = kernel_features()?;
    if features & UFFD_FEATURE_MINOR_SHMEM != 0 {
        continue_(sheet, effort)?;
    }
    if features & UFFD_FEATURE_MOVE != 0 {
        move_(sheet, effort)?;
    }
    waiting::missing(sheet, effort)?;
    waiting::protected(sheet, effort)?;
    if features & UFFD_FEATURE_WP_ASYNC != 0 {
        for pages in [1, 1 << 16] {
            scan(sheet, pages, effort)?;
        }
    }
    Ok(())
}

fn wake(sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(0, 0)?;
    let region = Region::map(Pages::Small, 4096)?;
    let mut args = vec![region.all(); 2000];
    let field = in_a_loop(c_libc_wake, c_header_wake, true);
    let group = at("WAKE", LOOP);
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, || {});
    let field = that_returns(c_libc_returns_wake, c_header_returns_wake);
    let group = at("WAKE", RETURNS);
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, || {});
    Ok(())
}

/// Protects pages that are not protected.
fn writeprotect(sheet: &mut Sheet, pages: usize, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(0, UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
    let calls = (1024 / pages).max(8);
    let region = Region::map(Pages::Small, calls * pages * 4096)?;
    region.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)?;
    let mut args: Vec<_> = (0..calls)
        .map(|i| uffdio_writeprotect {
            range: region.range(i * pages, pages),
            mode: UFFDIO_WRITEPROTECT_MODE_WP,
        })
        .collect();
    let what = if pages == 1 { "page" } else { "pages" };
    let name = format!("WRITEPROTECT, {pages} {what}");
    let lift = || uffd.write_protect(region.all(), 0).unwrap();
    let field = in_a_loop(c_libc_writeprotect, c_header_writeprotect, true);
    let group = at(&name, LOOP);
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, lift);
    if pages == 1 {
        let field = that_returns(c_libc_returns_writeprotect, c_header_returns_writeprotect);
        let group = at(&name, RETURNS);
        measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, lift);
    }
    Ok(())
}

fn copy(sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(0, 0)?;
    let (region, source) = (
        Region::map(Pages::Small, 256 * 4096)?,
        Region::map(Pages::Small, 4096)?,
    );
    source.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    let mut args: Vec<_> = (0..region.pages())
        .map(|page| uffdio_copy {
            dst: region.address(page),
            src: source.address(0),
            len: 4096,
            ..Default::default()
        })
        .collect();
    let discard = || region.discard();
    let field = in_a_loop(c_libc_copy, c_header_copy, true);
    let group = at("COPY, 1 page", LOOP);
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, discard);
    let field = that_returns(c_libc_returns_copy, c_header_returns_copy);
    let group = at("COPY, 1 page", RETURNS);
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, discard);
    Ok(())
}

fn continue_(sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(0, UFFD_FEATURE_MINOR_SHMEM)?;
    let region = Region::map(Pages::Shared, 256 * 4096)?;
    region.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MINOR)?;
    let mut args: Vec<_> = (0..region.pages())
        .map(|page| uffdio_continue {
            range: region.range(page, 1),
            ..Default::default()
        })
        .collect();
    let field = in_a_loop(c_libc_continue, c_header_continue, true);
    let group = at("CONTINUE, 1 page", LOOP);
    // The pages stay in the memfd; only the mapping forgets them.
    let forget = || region.discard();
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, forget);
    Ok(())
}

fn move_(sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(0, UFFD_FEATURE_MOVE)?;
    let (region, source) = (
        Region::map(Pages::Small, 256 * 4096)?,
        Region::map(Pages::Small, 256 * 4096)?,
    );
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    let mut args: Vec<_> = (0..region.pages())
        .map(|page| uffdio_move {
            dst: region.address(page),
            src: source.address(page),
            len: 4096,
            ..Default::default()
        })
        .collect();
    let field = in_a_loop(c_libc_move, c_header_move, false);
    let group = at("MOVE, 1 page", LOOP);
    let again = || {
        region.discard();
        source.populate();
    };
    measure_field(sheet, &group, &field, uffd.fd(), &mut args, effort, again);
    Ok(())
}

/// Looks for written pages where there is none: the cost of looking alone.
fn scan(sheet: &mut Sheet, pages: usize, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(0, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
    let region = Region::map(Pages::Small, pages * 4096)?;
    region.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)?;
    uffd.write_protect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP)?;
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut found = [page_region::default(); 16];
    let arg = pm_scan_arg {
        size: size_of::<pm_scan_arg>() as u64,
        start: region.address(0),
        end: region.address(0) + region.len() as u64,
        vec: found.as_mut_ptr() as u64,
        vec_len: found.len() as u64,
        category_mask: PAGE_IS_WRITTEN,
        return_mask: PAGE_IS_WRITTEN,
        ..Default::default()
    };
    let mut args = vec![arg; if pages == 1 { 1000 } else { 4 }];
    let name = if pages == 1 {
        "PAGEMAP_SCAN, 1 page".into()
    } else {
        format!("PAGEMAP_SCAN, {} Ki pages", pages >> 10)
    };
    let field = in_a_loop(c_libc_pagemap_scan, c_header_pagemap_scan, false);
    let (group, fd) = (at(&name, LOOP), pagemap.as_raw_fd());
    measure_field(sheet, &group, &field, fd, &mut args, effort, || {});
    Ok(())
}
