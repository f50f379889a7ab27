//! The cost of one call, by contender.
//!
//! Where code lies decides how well the processor predicts what follows a
//! system call: with an unlucky address a loop is half as fast, whatever it
//! does. So a run is made of several processes, each with other addresses.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use libc::c_int;
use serde::{Deserialize, Serialize};
use uffd_sys::*;

use crate::contenders::{self as by, Loop, Messages};
use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::{ratio, spread, Ratio, Spread};
use crate::uffd::{kernel_features, pending, Uffd};

/// A call and what each contender took for it.
#[derive(Serialize, Deserialize)]
pub struct Call {
    pub name: String,
    /// Of [`by::ASM_AGAIN`] to [`by::ASM`].
    pub control: Ratio,
    /// Of this crate to [`by::LIBC`] and [`by::SAFE`].
    pub to_libc: Ratio,
    pub to_safe: Option<Ratio>,
    pub contenders: Vec<Contender>,
}

#[derive(Serialize, Deserialize)]
pub struct Contender {
    pub name: String,
    pub ns: Spread,
    /// To [`by::ASM`].
    pub ratio: Ratio,
}

/// What one process measured: ns a call, a round each.
#[derive(Serialize, Deserialize)]
pub struct Samples {
    pub call: String,
    pub contenders: Vec<(String, Vec<f64>)>,
}

impl Samples {
    /// Joins what several processes measured.
    pub fn append(&mut self, other: Samples) {
        assert_eq!(self.call, other.call);
        for (mine, other) in self.contenders.iter_mut().zip(other.contenders) {
            assert_eq!(mine.0, other.0);
            mine.1.extend(other.1);
        }
    }

    pub fn call(&self) -> Call {
        let find = |name: &str| {
            self.contenders
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, samples)| samples)
        };
        let of = |name: &str| find(name).expect(name);
        let asm = of(by::ASM);
        let contenders = self.contenders.iter().map(|(name, samples)| Contender {
            name: name.clone(),
            ns: spread(samples),
            ratio: ratio(samples, asm),
        });
        Call {
            name: self.call.clone(),
            control: ratio(of(by::ASM_AGAIN), asm),
            to_libc: ratio(of(by::OURS), of(by::LIBC)),
            to_safe: find(by::SAFE).map(|safe| ratio(of(by::OURS), safe)),
            contenders: contenders.collect(),
        }
    }
}

impl Call {
    pub fn contender(&self, name: &str) -> Option<&Contender> {
        self.contenders
            .iter()
            .find(|contender| contender.name == name)
    }
}

/// The contenders for a call; those that do not have it are `None`.
struct Field<A> {
    ours: Loop<A>,
    asm: Loop<A>,
    libc: Loop<A>,
    safe: Option<Loop<A>>,
    c_libc: Loop<A>,
    c_header: Loop<A>,
}

impl<A> Field<A> {
    fn measure(
        &self,
        name: &str,
        fd: c_int,
        args: &mut [A],
        effort: Effort,
        mut prepare: impl FnMut(&mut [A]),
    ) -> Samples {
        let mut list = vec![
            (by::OURS, self.ours),
            (by::ASM, self.asm),
            (by::ASM_AGAIN, self.asm),
            (by::LIBC, self.libc),
            (by::C_LIBC, self.c_libc),
            (by::C_HEADER, self.c_header),
        ];
        list.extend(self.safe.map(|safe| (by::SAFE, safe)));
        let samples = rounds(list.len(), effort, |contender| {
            prepare(args);
            let (who, call) = list[contender];
            let begin = Instant::now();
            // SAFETY: `args` are arguments for this call, made by the caller.
            let failures = unsafe { call(fd, args.as_mut_ptr(), args.len()) };
            let time = begin.elapsed();
            assert_eq!(
                failures,
                0,
                "{name} by {who}: {}",
                io::Error::last_os_error()
            );
            time.as_nanos() as f64 / args.len() as f64
        });
        let names = list.iter().map(|(name, _)| name.to_string());
        Samples {
            call: name.to_string(),
            contenders: names.zip(samples).collect(),
        }
    }
}

macro_rules! field {
    ($arg:ty, $ours:ident, $asm:ident, $libc:ident, $c_libc:ident, $c_header:ident, $safe:expr) => {
        Field::<$arg> {
            ours: by::ours::$ours,
            asm: by::asm::$asm,
            libc: by::through_libc::$libc,
            safe: $safe,
            c_libc: by::$c_libc,
            c_header: by::$c_header,
        }
    };
}

/// Everything, in this process.
pub fn measure(effort: Effort) -> io::Result<Vec<Samples>> {
    let mut calls = Vec::new();
    let mut add = |call: Samples| calls.push(call);
    add(wake(effort)?);
    for pages in [1, 16, 512] {
        add(writeprotect(pages, effort)?);
    }
    add(copy(effort)?);
    let features = kernel_features()?;
    if features & UFFD_FEATURE_MINOR_SHMEM != 0 {
        add(continue_(effort)?);
    }
    if features & UFFD_FEATURE_MOVE != 0 {
        add(move_(effort)?);
    }
    read(effort, &mut add)?;
    if features & UFFD_FEATURE_WP_ASYNC != 0 {
        for pages in [1, 1 << 16] {
            add(scan(pages, effort)?);
        }
    }
    Ok(calls)
}

fn wake(effort: Effort) -> io::Result<Samples> {
    let uffd = Uffd::with(0, 0)?;
    let region = Region::map(Pages::Small, 4096)?;
    let mut args = vec![region.all(); 2000];
    let field = field!(
        uffdio_range,
        wake_uffd_sys,
        wake_asm,
        wake,
        c_libc_wake,
        c_header_wake,
        Some(by::safe::wake)
    );
    Ok(field.measure("WAKE", uffd.fd(), &mut args, effort, |_| {}))
}

/// Protects pages that are not protected.
fn writeprotect(pages: usize, effort: Effort) -> io::Result<Samples> {
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
    let field = field!(
        uffdio_writeprotect,
        writeprotect_uffd_sys,
        writeprotect_asm,
        writeprotect,
        c_libc_writeprotect,
        c_header_writeprotect,
        Some(by::safe::writeprotect)
    );
    let name = format!(
        "WRITEPROTECT, {pages} page{}",
        if pages == 1 { "" } else { "s" }
    );
    Ok(field.measure(&name, uffd.fd(), &mut args, effort, |_| {
        uffd.write_protect(region.all(), 0).unwrap()
    }))
}

fn copy(effort: Effort) -> io::Result<Samples> {
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
    let field = field!(
        uffdio_copy,
        copy,
        copy,
        copy,
        c_libc_copy,
        c_header_copy,
        Some(by::safe::copy)
    );
    Ok(
        field.measure("COPY, 1 page", uffd.fd(), &mut args, effort, |_| {
            region.discard()
        }),
    )
}

fn continue_(effort: Effort) -> io::Result<Samples> {
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
    let field = field!(
        uffdio_continue,
        continue_,
        continue_,
        continue_,
        c_libc_continue,
        c_header_continue,
        Some(by::safe::continue_)
    );
    // The pages stay in the memfd; only the mapping forgets them.
    Ok(
        field.measure("CONTINUE, 1 page", uffd.fd(), &mut args, effort, |_| {
            region.discard()
        }),
    )
}

fn move_(effort: Effort) -> io::Result<Samples> {
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
    let field = field!(
        uffdio_move,
        move_,
        move_,
        move_,
        c_libc_move,
        c_header_move,
        None
    );
    Ok(
        field.measure("MOVE, 1 page", uffd.fd(), &mut args, effort, |_| {
            region.discard();
            source.populate();
        }),
    )
}

/// Threads that wait in a missing page give messages; waking them without
/// filling the page gives the same messages again.
fn read(effort: Effort, add: &mut dyn FnMut(Samples)) -> io::Result<()> {
    const THREADS: usize = 256;
    let uffd = Uffd::with(libc::O_NONBLOCK, 0)?;
    let region = Region::map(Pages::Small, THREADS * 4096)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    let wait_for_all = |_: &mut [Messages]| {
        uffd.wake(region.all()).unwrap();
        let begin = Instant::now();
        while pending(&uffd) < THREADS {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "threads that fault do not come"
            );
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        for page in 0..THREADS {
            let region = &region;
            std::thread::Builder::new()
                .stack_size(64 << 10)
                .spawn_scoped(scope, move || region.read(page))
                .expect("a thread");
        }
        let mut buffers = vec![Messages([uffd_msg::default(); 64]); THREADS];
        let one = field!(
            Messages,
            read_1,
            read_1,
            read_1,
            c_libc_read_1,
            c_header_read_1,
            Some(by::safe::read_1)
        );
        let name = "read of 1 message";
        add(one.measure(name, uffd.fd(), &mut buffers, effort, wait_for_all));
        let many = field!(
            Messages,
            read_64_uffd_sys,
            read_64_asm,
            read_64,
            c_libc_read_64,
            c_header_read_64,
            Some(by::safe::read_64)
        );
        let name = "read of 64 messages";
        add(many.measure(
            name,
            uffd.fd(),
            &mut buffers[..THREADS / 64],
            effort,
            wait_for_all,
        ));
        assert_eq!(
            pending(&uffd),
            0,
            "{THREADS} messages in {} reads",
            THREADS / 64
        );
        // Lets all threads end.
        let mut zero = uffdio_zeropage {
            range: region.all(),
            ..Default::default()
        };
        // SAFETY: `zero` is ours, and the pages are missing.
        let result = unsafe { uffdio_zeropage(uffd.fd(), &mut zero) };
        assert_eq!(result, 0, "UFFDIO_ZEROPAGE: {}", io::Error::last_os_error());
    });
    Ok(())
}

/// Looks for written pages where there is none: the cost of looking alone.
fn scan(pages: usize, effort: Effort) -> io::Result<Samples> {
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
    let field = field!(
        pm_scan_arg,
        scan,
        scan,
        scan,
        c_libc_pagemap_scan,
        c_header_pagemap_scan,
        None
    );
    let name = if pages == 1 {
        "PAGEMAP_SCAN, 1 page".into()
    } else {
        format!("PAGEMAP_SCAN, {} Ki pages", pages >> 10)
    };
    Ok(field.measure(&name, pagemap.as_raw_fd(), &mut args, effort, |_| {}))
}
