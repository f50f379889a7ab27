//! Events other than faults. Each makes its cause wait until it is read. A fork
//! is an event to every userfaultfd of the process that asks for it, so these
//! tests take turns.

mod common;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use common::{join, next, open, page};
use safe::raw::*;
use safe::{Buffer, Event, Kind, Mapping};

static ONE: Mutex<()> = Mutex::new(());

#[test]
fn remap_tells_from_where_to_where() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = Mapping::anonymous(2).unwrap();
    let moved = OnceLock::new();
    memory.write(page(1), 4);
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_EVENT_REMAP) else {
            return;
        };
        let _region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let mover = scope.spawn(|| moved.get_or_init(|| memory.evacuate().unwrap()));
        let event = next(&uffd);
        let Event::Remap { from, to, len } = event else {
            panic!("{event:?}")
        };
        let moved = join(mover);
        assert_eq!(
            (from, to, len),
            (memory.address(), moved.address(), page(2))
        );
        assert_eq!(moved.read(page(1)), 4);
        // The kernel registered the new place too; that makes it known here.
        let region = uffd.register(moved, UFFDIO_REGISTER_MODE_MISSING).unwrap();
        let reader = scope.spawn(|| moved.read(0));
        let event = next(&uffd);
        assert!(matches!(event, Event::PageFault { address, .. } if address == moved.address()));
        region.pages().copy(0, &vec![5; page(1)]).unwrap();
        assert_eq!(join(reader), 5);
    });
}

#[test]
fn remove_and_unmap_tell_the_range() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = Arc::new(Mapping::anonymous(3).unwrap());
    let (start, end) = (memory.address(), memory.address() + page(3));
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP) else {
            return;
        };
        let region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let clone = memory.clone();
        let remover = scope.spawn(move || clone.discard(page(1)..page(3)).unwrap());
        let event = next(&uffd);
        assert!(
            matches!(&event, Event::Remove(r) if *r == (start + page(1)..end)),
            "{event:?}"
        );
        join(remover);
        // To forget a region is allowed; the mapping can then go.
        std::mem::forget(region);
        let unmapper = scope.spawn(move || drop(memory));
        let event = next(&uffd);
        assert!(
            matches!(&event, Event::Unmap(r) if *r == (start..end)),
            "{event:?}"
        );
        join(unmapper);
    });
}

#[test]
fn a_call_fails_while_an_event_waits() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = Mapping::anonymous(2).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_EVENT_REMOVE) else {
            return;
        };
        let region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let remover = scope.spawn(|| memory.discard(0..page(1)).unwrap());
        assert!(uffd.wait(common::WAIT).unwrap());
        let partial = region.pages().copy(0, &vec![1; page(2)]).unwrap_err();
        assert_eq!((partial.bytes, partial.errno), (0, libc::EAGAIN));
        next(&uffd);
        join(remover);
        assert_eq!(region.pages().copy(0, &vec![1; page(2)]), Ok(page(2)));
    });
}

/// A child that reads a page and ends with what it held.
fn fork_and_read(memory: &Mapping) -> i32 {
    let (flags, none) = (libc::SIGCHLD as libc::c_long, 0 as libc::c_long);
    // Not fork(3): it holds the locks of malloc until its event is read, and
    // the handler here allocates.
    // SAFETY: without a stack, and without CLONE_VM, it is a fork. The child
    // touches a mapping, and ends without running anything.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) } as i32;
    if pid == 0 {
        // SAFETY: both may be called there. A child that hangs is ended.
        unsafe {
            libc::alarm(10);
            libc::_exit(memory.read(0).into());
        }
    }
    assert_ne!(pid, -1);
    pid
}

fn ended(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the child is ours, and `status` may be written.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status), "status {status:#x}");
    libc::WEXITSTATUS(status)
}

#[test]
fn a_fork_brings_a_userfaultfd_of_the_child() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = Mapping::anonymous(1).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_EVENT_FORK) else {
            return;
        };
        let region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let forker = scope.spawn(|| fork_and_read(&memory));
        let event = next(&uffd);
        let Event::Fork(child) = event else {
            panic!("{event:?}")
        };
        let pid = join(forker);
        assert!(child.wait(common::WAIT).unwrap());
        let mut buffer = Buffer::new(1);
        let fault = child.read(&mut buffer).unwrap().next();
        assert!(
            matches!(
                fault,
                Some(Event::PageFault {
                    kind: Kind::Missing,
                    ..
                })
            ),
            "{fault:?}"
        );
        child.pages(&region).copy(0, &vec![42; page(1)]).unwrap();
        assert_eq!(ended(pid), 42);
        region.pages().copy(0, &vec![1; page(1)]).unwrap();
        assert_eq!(memory.read(0), 1, "the parent's page is its own");
    });
}

#[test]
fn a_fork_that_nobody_looks_at_leaves_no_descriptor() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = Mapping::anonymous(1).unwrap();
    memory.write(0, 3);
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_EVENT_FORK) else {
            return;
        };
        let _region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = count();
        let forker = scope.spawn(|| fork_and_read(&memory));
        assert!(uffd.wait(common::WAIT).unwrap());
        drop(uffd.read(&mut Buffer::new(4)).unwrap());
        assert_eq!(ended(join(forker)), 3);
        assert_eq!(count(), before);
    });
}
