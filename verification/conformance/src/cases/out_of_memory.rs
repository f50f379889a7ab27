//! Calls that need a page table when there is no memory for one: ENOMEM.
//!
//! The process enters a memory cgroup with a small limit, of the first or the
//! second version, and must not be killed for want of memory. Then the kernel
//! can only fail.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::scene::*;
use crate::prelude::*;

/// How many page tables are asked for; far more than the limit allows.
const TABLES: usize = 512;

/// A memory cgroup of this process's own.
struct Limit {
    folder: PathBuf,
    /// Open from the start: opening takes memory.
    inside: File,
    outside: File,
}

fn cannot(what: &'static str) -> impl Fn(std::io::Error) -> Verdict {
    move |error| {
        let errno = error.raw_os_error().unwrap_or(0);
        Verdict::Cannot(format!("{}: {}", what, errno_name(errno)))
    }
}

/// Mounts the cgroups of this version where only this process sees them.
fn mount(kind: &[u8], options: &[u8], at: &Path) -> Outcome {
    use std::os::unix::ffi::OsStrExt;
    let mut path = at.as_os_str().as_bytes().to_vec();
    path.push(0);
    let (kind, options) = (kind.as_ptr().cast(), options.as_ptr().cast());
    // SAFETY: every string ends in zero and lives through the call.
    let result = unsafe { libc::mount(kind, path.as_ptr().cast(), kind, 0, options) };
    need("mounting the memory cgroups", result).map(|_| ())
}

impl Limit {
    fn new(m: &Machine) -> Result<Limit, Verdict> {
        let root = PathBuf::from("/mnt");
        fs::create_dir_all(&root).map_err(cannot("a folder for the cgroups"))?;
        // SAFETY: plain numbers; the strings end in zero.
        unsafe {
            need("unshare", libc::unshare(libc::CLONE_NEWNS))?;
            // Answers EINVAL in the initial file system of a virtual machine,
            // where nothing is shared anyway.
            let (none, slash) = (b"none\0".as_ptr().cast(), b"/\0".as_ptr().cast());
            let private = libc::MS_REC | libc::MS_PRIVATE;
            libc::mount(none, slash, none, private, std::ptr::null());
        }
        let first = mount(b"cgroup\0", b"memory\0", &root).is_ok();
        if !first {
            mount(b"cgroup2\0", b"\0", &root)?;
            fs::write(root.join("cgroup.subtree_control"), "+memory")
                .map_err(cannot("the memory controller"))?;
        }
        let folder = root.join(format!("uffd-conformance-{}", std::process::id()));
        fs::create_dir(&folder).map_err(cannot("a memory cgroup"))?;
        let open = |path: PathBuf| OpenOptions::new().write(true).open(path);
        let limit = Limit {
            inside: open(folder.join("cgroup.procs")).map_err(cannot("cgroup.procs"))?,
            outside: open(root.join("cgroup.procs")).map_err(cannot("cgroup.procs"))?,
            folder,
        };
        let bytes = (64 * m.page).to_string();
        let write = |name: &str, text: &str| {
            fs::write(limit.folder.join(name), text).map_err(cannot("the limit of a cgroup"))
        };
        if first {
            write("memory.oom_control", "1")?;
            write("memory.limit_in_bytes", &bytes)?;
        } else {
            fs::write("/proc/self/oom_score_adj", "-1000").map_err(cannot("oom_score_adj"))?;
            write("memory.max", &bytes)?;
        }
        Ok(limit)
    }

    /// Within the limit: one call after the other, until one fails.
    fn first_failure(&mut self, call: impl Fn(usize) -> Answer) -> Result<Answer, Verdict> {
        self.inside
            .write_all(b"0")
            .map_err(cannot("entering the cgroup"))?;
        let failed = (0..TABLES).map(call).find(|answer| answer.errno != 0);
        self.outside
            .write_all(b"0")
            .map_err(cannot("leaving the cgroup"))?;
        failed.ok_or_else(|| Verdict::Cannot("the limit of the cgroup has no effect".to_owned()))
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // Fails if the process is still in it.
        let _ = self.outside.write_all(b"0");
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Memory whose every page `n * stride` needs a page table of its own, and
/// the stride.
fn wide(m: &Machine, flags: i32, fd: i32) -> Result<(usize, usize), Verdict> {
    // What one page table maps: a table is a page of entries of 8 bytes, or of
    // 4 on some 32-bit processors, where this is more than one needs.
    let stride = m.page / 4 * m.page;
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = flags | libc::MAP_NORESERVE;
    Ok((map(0, (TABLES + 1) * stride, rw, flags, fd)?, stride))
}

/// A registered range of that kind of anonymous memory.
fn wide_anon(m: &Machine, features: u64, mode: u64) -> Result<(Uffd, usize, usize), Verdict> {
    let (start, stride) = wide(m, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
    let uffd = Uffd::open(features)?;
    uffd.register(start, TABLES * stride, mode).ok()?;
    Ok((uffd, start, stride))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "out-of-memory-continue",
        "UFFDIO_CONTINUE(2const), ERRORS: ENOMEM",
        "without memory for a page table it is ENOMEM, and the field mapped says so",
        |m| {
            let file = Region::new(Memory::Shmem, 1)?;
            let fd = file.fd();
            let (start, stride) = wide(m, libc::MAP_SHARED, fd)?;
            for n in 0..TABLES {
                // SAFETY: the byte lives through the call.
                let wrote = unsafe {
                    libc::pwrite(fd, [NEW].as_ptr().cast(), 1, (n * stride) as libc::off_t)
                };
                need("pwrite", wrote as i64)?;
            }
            let uffd = Uffd::open(0)?;
            let mode = UFFDIO_REGISTER_MODE_MINOR;
            uffd.register(start, TABLES * stride, mode).ok()?;
            let mut limit = Limit::new(m)?;
            let answer = limit.first_failure(|n| uffd.continue_(start + n * stride, m.page, 0))?;
            answer.fails_in_out(ENOMEM)
        },
    )
    .features(UFFD_FEATURE_MINOR_SHMEM),
    case(
        "out-of-memory-poison",
        "UFFDIO_POISON(2const), ERRORS: ENOMEM",
        "without memory for a page table it is ENOMEM, and the field updated says so",
        |m| {
            let (uffd, start, stride) = wide_anon(m, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            let mut limit = Limit::new(m)?;
            let answer = limit.first_failure(|n| uffd.poison(start + n * stride, m.page, 0))?;
            answer.fails_in_out(ENOMEM)
        },
    )
    .features(UFFD_FEATURE_POISON),
    case(
        "out-of-memory-move",
        "UFFDIO_MOVE(2const), ERRORS: ENOMEM",
        "without memory for a page table it is ENOMEM, and the field move says so",
        |m| {
            let (uffd, start, stride) = wide_anon(m, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            let source = Region::source(TABLES, FIRST)?;
            let mut limit = Limit::new(m)?;
            let answer = limit.first_failure(|n| {
                let to = start + n * stride;
                uffd.move_(to, source.at(n), m.page, 0)
            })?;
            answer.fails_in_out(ENOMEM)
        },
    )
    .features(UFFD_FEATURE_MOVE),
    case(
        "out-of-memory-writeprotect",
        "measured",
        "with WP_UNPOPULATED, without memory for a page table it is ENOMEM",
        |m| {
            let features = UFFD_FEATURE_WP_UNPOPULATED;
            let (uffd, start, stride) = wide_anon(m, features, UFFDIO_REGISTER_MODE_WP)?;
            let mut limit = Limit::new(m)?;
            let mode = UFFDIO_WRITEPROTECT_MODE_WP;
            let call = |n: usize| uffd.writeprotect(start + n * stride, m.page, mode);
            limit.first_failure(call)?.fails(ENOMEM)
        },
    )
    .features(HAS_WP | UFFD_FEATURE_WP_UNPOPULATED),
];
