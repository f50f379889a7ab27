//! System calls that touch protected memory for the program.

use super::scene::*;
use crate::prelude::*;

const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const USER_MODE: i32 = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY;

fn scene() -> Result<Scene, Verdict> {
    let s = Scene::new(Memory::Anon, 2, 0, REGISTER_WP)?;
    s.protect(0, 2)?;
    Ok(s)
}

/// As [`scene`], by a userfaultfd for faults of user mode alone.
fn user_mode_scene() -> Result<Scene, Verdict> {
    let region = Region::new(Memory::Anon, 2)?;
    region.fill(FIRST);
    let uffd = Uffd::open_with(USER_MODE, 0)?;
    uffd.register(region.addr, region.len, REGISTER_WP).ok()?;
    let s = Scene { uffd, region };
    s.protect(0, 2)?;
    Ok(s)
}

/// The thread waits for page 0, and goes on when the protection is lifted.
fn waits_then_lands(s: &Scene, thread: &Thread) -> Outcome {
    waits(&s.uffd, thread, s.at(0), WP_WRITE)?;
    s.unprotect(0, 1)?;
    thread.returns_value(0)?;
    ensure!(s.region.read(0) == NEW, "the write was lost");
    Ok(())
}

/// The thread's call must end by itself with this errno, 0 for success.
fn answers(s: &Scene, thread: &Thread, errno: i32) -> Outcome {
    let got = passes(&s.uffd, thread)? as i32;
    let (name, wanted) = (errno_name(got), errno_name(errno));
    ensure!(got == errno, "it answered {}, not {}", name, wanted);
    Ok(())
}

/// process_vm_writev(2) of one byte into this process.
fn writes_as_debugger(addr: usize) -> Thread {
    Thread::spawn("the thread in process_vm_writev(2)", move || {
        let mut byte = NEW;
        let local = libc::iovec {
            iov_base: (&mut byte as *mut u8).cast(),
            iov_len: 1,
        };
        let remote = libc::iovec {
            iov_base: addr as *mut libc::c_void,
            iov_len: 1,
        };
        // SAFETY: one vector of one byte each; the address is the case's own.
        match unsafe { libc::process_vm_writev(libc::getpid(), &local, 1, &remote, 1, 0) } {
            1 => 0,
            _ => i64::from(errno()),
        }
    })
}

/// vmsplice(2) of one byte at this address into a pipe.
fn splices(pipe: i32, addr: usize) -> Thread {
    Thread::spawn("the thread in vmsplice(2)", move || {
        let piece = libc::iovec {
            iov_base: addr as *mut libc::c_void,
            iov_len: 1,
        };
        // SAFETY: one vector of one byte; the address is the case's own.
        match unsafe { libc::vmsplice(pipe, &piece, 1, 0) } {
            1 => 0,
            _ => i64::from(errno()),
        }
    })
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "kernel-access-read-waits",
        "userfaultfd.rst, Creating a userfaultfd",
        "read(2) into a protected page waits until the protection is lifted, and then lands",
        |_| {
            let s = scene()?;
            let (pipe, _) = pipe_with(&[NEW])?;
            waits_then_lands(&s, &reads_pipe_into(pipe, s.at(0)))
        },
    )
    .features(HAS_WP),
    case(
        "kernel-access-write-passes",
        "measured",
        "write(2) from a protected page only reads it, and passes",
        |_| {
            let s = scene()?;
            let (_, pipe) = pipe_with(&[])?;
            answers(&s, &writes_pipe_from(pipe, s.at(0)), 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "kernel-access-user-mode-read",
        "measured",
        "with UFFD_USER_MODE_ONLY, read(2) into a protected page is EFAULT, without a message",
        |_| {
            let s = user_mode_scene()?;
            let (pipe, _) = pipe_with(&[NEW])?;
            answers(&s, &reads_pipe_into(pipe, s.at(0)), EFAULT)?;
            ensure!(s.region.read(0) == FIRST, "the write came through");
            s.traps_write(0)
        },
    )
    .features(HAS_WP)
    .since(5, 11),
    case(
        "kernel-access-user-mode-sigbus",
        "userfaultfd(2), DESCRIPTION: UFFD_USER_MODE_ONLY",
        "with UFFD_USER_MODE_ONLY, a fault of the kernel's own in a protected page is a SIGBUS",
        |_| {
            let s = user_mode_scene()?;
            let (pipe, _) = pipe_with(&[NEW])?;
            let reader = reads_pipe_into(pipe, s.at(0));
            if let Ending::Returned(errno) = reader.ends()? {
                fail!(
                    "read(2) answered {}, without a signal",
                    errno_name(errno as i32)
                );
            }
            reader.gets_signal(SIGBUS).map(|_| ())
        },
    )
    .features(HAS_WP)
    .since(5, 11),
    case(
        "kernel-access-user-mode-user",
        "userfaultfd(2), DESCRIPTION: UFFD_USER_MODE_ONLY",
        "with UFFD_USER_MODE_ONLY, a write of the program's own waits as ever",
        |_| {
            let s = user_mode_scene()?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP)
    .since(5, 11),
    case(
        "kernel-access-user-mode-write",
        "measured",
        "with UFFD_USER_MODE_ONLY, write(2) from a protected page passes",
        |_| {
            let s = user_mode_scene()?;
            let (_, pipe) = pipe_with(&[])?;
            answers(&s, &writes_pipe_from(pipe, s.at(0)), 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP)
    .since(5, 11),
    case(
        "kernel-access-sigbus-read",
        "measured",
        "with the feature SIGBUS, read(2) into a protected page is EFAULT, without a signal",
        |_| {
            let s = Scene::new(Memory::Anon, 2, UFFD_FEATURE_SIGBUS, REGISTER_WP)?;
            s.protect(0, 2)?;
            let (pipe, _) = pipe_with(&[NEW])?;
            answers(&s, &reads_pipe_into(pipe, s.at(0)), EFAULT)
        },
    )
    .features(HAS_WP | UFFD_FEATURE_SIGBUS),
    case(
        "kernel-access-gup-write",
        "userfaultfd.rst, QEMU/KVM",
        "get_user_pages for writing (process_vm_writev(2)) waits, and then lands",
        |_| {
            let s = scene()?;
            waits_then_lands(&s, &writes_as_debugger(s.at(0)))
        },
    )
    .features(HAS_WP),
    case(
        "kernel-access-gup-read",
        "userfaultfd.rst, QEMU/KVM",
        "get_user_pages for reading (vmsplice(2) from a protected page) passes",
        |_| {
            let s = scene()?;
            let (_, pipe) = pipe_with(&[])?;
            answers(&s, &splices(pipe, s.at(0)), 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "kernel-access-gup-missing",
        "userfaultfd.rst, QEMU/KVM",
        "get_user_pages of a missing page (vmsplice(2) from it) waits until it is filled",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            let source = Region::source(1, FIRST)?;
            let (read_end, pipe) = pipe_with(&[])?;
            let splicer = splices(pipe, s.at(0));
            fault_in(&s.uffd, s.at(0), m.page, 0)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            splicer.returns_value(0)?;
            let out = Region::new(Memory::Anon, 1)?;
            reads_pipe_into(read_end, out.addr).returns_value(0)?;
            ensure!(out.read(0) == FIRST, "the pipe has other data");
            Ok(())
        },
    ),
    case(
        "kernel-access-proc-mem",
        "measured",
        "a write to /proc/self/mem cannot wait: at a protected page it is EIO",
        |_| {
            let s = scene()?;
            let addr = s.at(0);
            let writer = Thread::spawn("the thread that writes /proc/self/mem", move || {
                use std::os::unix::fs::FileExt;
                let file = std::fs::OpenOptions::new()
                    .write(true)
                    .open("/proc/self/mem");
                let wrote = file.and_then(|f| f.write_all_at(&[NEW], addr as u64));
                wrote.map_or_else(|e| e.raw_os_error().unwrap_or(-1).into(), |()| 0)
            });
            answers(&s, &writer, libc::EIO)?;
            ensure!(s.region.read(0) == FIRST, "the write came through");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "kernel-access-uffdio-copy-source",
        "measured",
        "UFFDIO_COPY reads from a protected page without waiting",
        |m| {
            let s = scene()?;
            let target = Scene::empty(Memory::Anon, 1, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            target
                .uffd
                .copy(target.at(0), s.at(0), m.page, 0)
                .gives(m.page)?;
            quiet(&s.uffd)?;
            target.region.holds(0, FIRST)
        },
    )
    .features(HAS_WP),
];
