//! What /proc tells of a userfaultfd and of registered memory; huge pages and core
//! dumps.

use uffd_kit::pagemap::{FILE, PRESENT, PROTECTED, SOFT_DIRTY, SWAPPED};
use uffd_kit::smaps;

use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;

/// A line of /proc/self/fdinfo.
fn fdinfo(uffd: &Uffd, name: &str) -> Result<String, Verdict> {
    let path = format!("/proc/self/fdinfo/{}", uffd.fd);
    let text = uffd_kit::verdict::need_file("fdinfo", std::fs::read_to_string(path))?;
    match text.lines().find_map(|line| line.strip_prefix(name)) {
        Some(value) => Ok(value.trim().to_owned()),
        None => fail!("no line {}", name),
    }
}

fn counts(uffd: &Uffd, pending: &str, total: &str) -> Outcome {
    let found = (fdinfo(uffd, "pending:")?, fdinfo(uffd, "total:")?);
    ensure!(
        found == (pending.to_owned(), total.to_owned()),
        "pending is {} and total {}",
        found.0,
        found.1
    );
    Ok(())
}

/// The mapping must have this word in VmFlags once it is registered, and not before
/// or after.
fn vm_flag(memory: Memory, features: u64, mode: u64, flag: &str) -> Outcome {
    let region = Region::new(memory, 1)?;
    let has = || -> Result<bool, Verdict> {
        let flags = smaps::text(region.addr, "VmFlags:")?;
        Ok(flags.split_whitespace().any(|word| word == flag))
    };
    ensure!(!has()?, "{} is there before", flag);
    let uffd = Uffd::open(features)?;
    uffd.register(region.addr, region.len, mode).ok()?;
    ensure!(has()?, "{} is not there", flag);
    uffd.unregister(region.addr, region.len).ok()?;
    ensure!(!has()?, "{} is there afterwards", flag);
    Ok(())
}

/// Bits of the entry in /proc/self/pagemap that must be set, of those named.
fn entry(region: &Region, n: usize, wanted: u64) -> Outcome {
    let bits = region.pagemap(n)? & (PRESENT | SWAPPED | FILE | PROTECTED);
    ensure!(
        bits == wanted,
        "page {} has {:#x}, not {:#x}",
        n,
        bits,
        wanted
    );
    Ok(())
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "proc-fdinfo",
        "measured",
        "/proc/PID/fdinfo: total is the threads that wait, pending those whose message was not read",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING)?;
            counts(&s.uffd, "0", "0")?;
            let readers = [Thread::reads(s.at(0)), Thread::reads(s.at(1))];
            readers.iter().try_for_each(|reader| reader.still_waits())?;
            counts(&s.uffd, "2", "2")?;
            s.uffd.next()?;
            counts(&s.uffd, "1", "2")?;
            s.uffd.next()?;
            counts(&s.uffd, "0", "2")?;
            s.uffd.zeropage(s.at(0), 2 * m.page, 0).ok()?;
            readers.iter().try_for_each(|reader| reader.returns_value(0))?;
            counts(&s.uffd, "0", "0")
        },
    ),
    case(
        "proc-fdinfo-api",
        "measured",
        "/proc/PID/fdinfo: API is the API's number, and a colon",
        |_| {
            let uffd = Uffd::open(0)?;
            let api = fdinfo(&uffd, "API:")?;
            ensure!(api.starts_with("aa:"), "API is {}", api);
            Ok(())
        },
    ),
    case(
        "proc-smaps-missing",
        "measured",
        "VmFlags of /proc/PID/smaps has um while a range is registered for MISSING",
        |_| vm_flag(Memory::Anon, 0, MISSING, "um"),
    ),
    case(
        "proc-smaps-wp",
        "measured",
        "VmFlags has uw while a range is registered for WP",
        |_| vm_flag(Memory::Anon, 0, UFFDIO_REGISTER_MODE_WP, "uw"),
    )
    .features(HAS_WP),
    case(
        "proc-smaps-minor",
        "measured",
        "VmFlags has ui while a range is registered for MINOR",
        |_| vm_flag(Memory::Shmem, 0, UFFDIO_REGISTER_MODE_MINOR, "ui"),
    )
    .features(UFFD_FEATURE_MINOR_SHMEM),
    case(
        "proc-smaps-rwp",
        "measured",
        "VmFlags has ur while a range is registered for RWP",
        |_| vm_flag(Memory::Anon, HAS_RWP, UFFDIO_REGISTER_MODE_RWP, "ur"),
    )
    .features(HAS_RWP),
    case(
        "proc-pagemap-bits",
        "measured",
        "/proc/PID/pagemap: bit 63 is a page that is there, 61 of a file, 57 protected by userfaultfd; a missing page has none",
        |_| {
            let s = Scene::new(Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            entry(&s.region, 0, PRESENT | PROTECTED)?;
            entry(&s.region, 1, PRESENT)?;
            let shared = Region::new(Memory::Shmem, 2)?;
            shared.fill_page(0, FIRST);
            entry(&shared, 0, PRESENT | FILE)?;
            entry(&shared, 1, 0)
        },
    )
    .features(HAS_WP)
    .since(5, 14),
    case(
        "proc-pagemap-bits-marker",
        "measured",
        "/proc/PID/pagemap: a write-protect marker has bits 62 and 57",
        |_| {
            let features = UFFD_FEATURE_WP_UNPOPULATED;
            let s = Scene::empty(Memory::Anon, 1, features, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            entry(&s.region, 0, SWAPPED | PROTECTED)
        },
    )
    .features(HAS_WP | UFFD_FEATURE_WP_UNPOPULATED),
    case(
        "proc-pagemap-soft-dirty",
        "measured",
        "/proc/PID/pagemap: bit 55 is a page that was written since the marks were cleared",
        |_| {
            let r = Region::new(Memory::Anon, 2)?;
            r.fill(FIRST);
            if r.pagemap(0)? & SOFT_DIRTY == 0 {
                return Err(Verdict::Absent("no CONFIG_MEM_SOFT_DIRTY".to_owned()));
            }
            let cannot = |error| Verdict::Cannot(format!("/proc/self/clear_refs: {}", error));
            std::fs::write("/proc/self/clear_refs", "4").map_err(cannot)?;
            r.write(1, NEW);
            let marks = [r.pagemap(0)? & SOFT_DIRTY, r.pagemap(1)? & SOFT_DIRTY];
            ensure!(marks == [0, SOFT_DIRTY], "the marks are {:x?}", marks);
            Ok(())
        },
    ),
    case(
        "copy-no-huge-page",
        "measured",
        "COPY makes no transparent huge page, even of a whole one's range in one call",
        |m| {
            if m.huge_page == 0 {
                return Err(Verdict::Cannot("no huge pages on this kernel".to_owned()));
            }
            let region = Region::new(Memory::Thp, m.huge_page / m.page)?;
            let s = Scene::of(region, 0, MISSING)?;
            let source = thp()?;
            let len = s.region.len;
            s.uffd.copy(s.at(0), source.addr, len, 0).gives(len)?;
            let huge = smaps::bytes(s.region.addr, "AnonHugePages:")?;
            ensure!(huge == 0, "{} bytes are of huge pages", huge);
            s.region.holds(3, FIRST + 3)
        },
    ),
    case(
        "lifetime-core-dump",
        "measured",
        "faults of a thread that dumps core are not served: no message comes, and the dump goes on",
        |_| {
            let fork = UFFD_FEATURE_EVENT_FORK;
            let s = Scene::empty(Memory::Shmem, 4, fork, MISSING)?;
            let core = std::env::temp_dir().join(format!("uffd-core-{}", std::process::id()));
            let text = core.to_string_lossy().into_owned();
            let _pattern = Sysctl::set("kernel/core_pattern", &text)?;
            let _name = Sysctl::set("kernel/core_uses_pid", "0")?;
            // Shared anonymous memory is dumped by default.
            let forker = Thread::spawn("the forking thread", || {
                let child = Child::fork(|| {
                    let all = libc::RLIM_INFINITY;
                    let limit = libc::rlimit { rlim_cur: all, rlim_max: all };
                    // SAFETY: the limit lives through the call.
                    unsafe {
                        libc::setrlimit(libc::RLIMIT_CORE, &limit);
                        libc::abort()
                    }
                });
                match child.and_then(|mut child| child.ends()) {
                    Ok(Exit::Signal(signal)) => i64::from(signal),
                    _ => -1,
                }
            });
            let child = match s.uffd.next()? {
                Event::Fork { fd } => Uffd { fd },
                other => fail!("{} came, not a fork event", other.name()),
            };
            forker.returns_value(i64::from(libc::SIGABRT))?;
            quiet(&child)?;
            let dumped = std::fs::metadata(&core).map_or(0, |file| file.len());
            let _ = std::fs::remove_file(&core);
            match dumped {
                0 => Err(Verdict::Cannot("no core was dumped".to_owned())),
                _ => Ok(()),
            }
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_MISSING_SHMEM),
];
