//! Scenes that the cases of several files share. No cases here.

use uffd_kit::message::fault_flags;
use uffd_kit::pages::huge_page_size;
use uffd_kit::smaps;

use crate::prelude::*;

/// The flags of a write-protect fault: only writes raise one.
pub const WP_WRITE: u64 = UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE;
/// Both modes that write-protecting missing pages wants.
pub const MISSING_WP: u64 = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
/// Write-protection of private anonymous memory.
pub const HAS_WP: u64 = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
/// Write-protection of shared memory and huge pages.
pub const HAS_WP_SHARED: u64 = HAS_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
/// Read-write-protection.
pub const HAS_RWP: u64 = UFFD_FEATURE_RWP;
/// The flags of a read of a read-write-protected page.
pub const RWP_READ: u64 = UFFD_PAGEFAULT_FLAG_RWP;

/// What [`Scene::new`] writes to the first page; page n holds this plus n.
pub const FIRST: u8 = 0x11;
/// What the cases write afterwards.
pub const NEW: u8 = 0xee;

/// A userfaultfd and a region that is registered with it.
#[derive(Debug)]
pub struct Scene {
    /// The userfaultfd.
    pub uffd: Uffd,
    /// The region.
    pub region: Region,
}

impl Scene {
    /// Every page is there, and holds [`FIRST`] and so on.
    pub fn new(memory: Memory, pages: usize, features: u64, mode: u64) -> Result<Scene, Verdict> {
        let region = Region::new(memory, pages)?;
        region.fill(FIRST);
        Scene::of(region, features, mode)
    }

    /// No page is there.
    pub fn empty(memory: Memory, pages: usize, features: u64, mode: u64) -> Result<Scene, Verdict> {
        Scene::of(Region::new(memory, pages)?, features, mode)
    }

    /// The pages are in the file, filled as by [`Scene::new`], but not mapped
    /// here: touching one is a minor fault. Also the mapping through which
    /// they were filled.
    pub fn cached(
        memory: Memory,
        pages: usize,
        features: u64,
        mode: u64,
    ) -> Result<(Scene, Region), Verdict> {
        let region = Region::new(memory, pages)?;
        let alias = region.alias()?;
        alias.fill(FIRST);
        Ok((Scene::of(region, features, mode)?, alias))
    }

    /// Registers a region.
    pub fn of(region: Region, features: u64, mode: u64) -> Result<Scene, Verdict> {
        let uffd = Uffd::open(features)?;
        uffd.register(region.addr, region.len, mode).prepares()?;
        Ok(Scene { uffd, region })
    }

    /// The address of page `n`.
    pub fn at(&self, n: usize) -> usize {
        self.region.at(n)
    }

    /// Bytes of a page.
    pub fn page(&self) -> usize {
        self.region.page
    }

    /// Write-protects pages.
    pub fn protect(&self, n: usize, pages: usize) -> Outcome {
        let len = pages * self.page();
        self.uffd
            .writeprotect(self.at(n), len, UFFDIO_WRITEPROTECT_MODE_WP)
            .ok()
    }

    /// Lifts write-protection, and wakes.
    pub fn unprotect(&self, n: usize, pages: usize) -> Outcome {
        self.uffd
            .writeprotect(self.at(n), pages * self.page(), 0)
            .ok()
    }

    /// Read-write-protects pages.
    pub fn rwprotect(&self, n: usize, pages: usize) -> Outcome {
        let len = pages * self.page();
        self.uffd
            .rwprotect(self.at(n), len, UFFDIO_RWPROTECT_MODE_RWP)
            .ok()
    }

    /// Lifts read-write-protection, and wakes.
    pub fn rwunprotect(&self, n: usize, pages: usize) -> Outcome {
        self.uffd.rwprotect(self.at(n), pages * self.page(), 0).ok()
    }

    /// A read of page `n` must wait for its read-write-protection to be
    /// lifted, and then see this.
    pub fn traps_read(&self, n: usize, byte: u8) -> Outcome {
        let reader = Thread::reads(self.at(n));
        waits(&self.uffd, &reader, self.at(n), RWP_READ)?;
        self.rwunprotect(n, 1)?;
        reader.returns_value(i64::from(byte))
    }

    /// A write to page `n` must wait for its protection to be lifted.
    pub fn traps_write(&self, n: usize) -> Outcome {
        let writer = Thread::writes(self.at(n), NEW);
        waits(&self.uffd, &writer, self.at(n), WP_WRITE)?;
        self.unprotect(n, 1)?;
        writer.returns()?;
        ensure!(self.region.read(n) == NEW, "the write was lost");
        Ok(())
    }

    /// A write to page `n` must go through without a message.
    pub fn lets_write(&self, n: usize) -> Outcome {
        passes(&self.uffd, &Thread::writes(self.at(n), NEW))?;
        ensure!(self.region.read(n) == NEW, "the write was lost");
        Ok(())
    }

    /// A read of page `n` must go through without a message, and see this.
    pub fn lets_read(&self, n: usize, byte: u8) -> Outcome {
        let got = passes(&self.uffd, &Thread::reads(self.at(n)))?;
        ensure!(got == i64::from(byte), "read {:#x}, not {:#x}", got, byte);
        Ok(())
    }
}

/// The thread must wait, its message a fault at this address with these flags.
pub fn waits(uffd: &Uffd, thread: &Thread, address: usize, flags: u64) -> Outcome {
    let came = eventually(|| thread.ending().is_some() || uffd.poll(MOMENT) & libc::POLLIN != 0);
    ensure!(came, "no message came");
    ensure!(thread.ending().is_none(), "the thread did not wait");
    uffd.expect_fault(address, flags)
}

/// The thread must end by itself without a message; what it returned.
pub fn passes(uffd: &Uffd, thread: &Thread) -> Result<i64, Verdict> {
    let mut came = None;
    let settled = eventually(|| {
        came = uffd.read(1).ok().and_then(|mut events| events.pop());
        came.is_some() || thread.ending().is_some()
    });
    if let Some(event) = came {
        fail!("{} came, not silence", event.name());
    }
    ensure!(settled, "the thread neither ends nor faults");
    let value = thread.returns()?;
    quiet(uffd)?;
    Ok(value)
}

/// No message may be there now. Enough where nothing is under way any more.
pub fn quiet(uffd: &Uffd) -> Outcome {
    match uffd.read(1) {
        Err(errno) => {
            ensure!(
                errno == EAGAIN,
                "read(2) of a message answered {}",
                errno_name(errno)
            );
            Ok(())
        }
        Ok(events) => fail!("{} came, not silence", events[0].name()),
    }
}

/// The next message must be a fault with these flags somewhere in this page.
pub fn fault_in(uffd: &Uffd, page: usize, len: usize, flags: u64) -> Result<usize, Verdict> {
    match uffd.next()? {
        Event::Fault {
            flags: f, address, ..
        } => {
            ensure!(
                (page..page + len).contains(&address),
                "the fault is in another page"
            );
            ensure!(
                f == flags,
                "the fault has {}, not {}",
                fault_flags(f),
                fault_flags(flags)
            );
            Ok(address)
        }
        other => fail!("{} came, not a fault", other.name()),
    }
}

/// Calls with an event waiting to be read: `call` gets the scene, whose page 3
/// somebody is discarding, and says what it found. After that the event is
/// read, and the discarding ends.
pub fn while_event_waits(scene: &Scene, call: impl FnOnce(&Scene) -> Outcome) -> Outcome {
    let (addr, len) = (scene.at(3), scene.page());
    let discarder = Thread::spawn("the discarding thread", move || {
        // SAFETY: the page belongs to the scene, and nobody refers to it.
        unsafe { libc::madvise(addr as *mut libc::c_void, len, libc::MADV_DONTNEED) as i64 }
    });
    ensure!(
        scene.uffd.poll(PATIENCE) & libc::POLLIN != 0,
        "no event came"
    );
    call(scene)?;
    match scene.uffd.next()? {
        Event::Remove { .. } => discarder.returns_value(0),
        other => fail!("{} came, not a remove event", other.name()),
    }
}

/// The userfaultfd of a child that has the scene's memory, by a fork event,
/// and has exited.
pub fn of_dead_child(scene: &Scene) -> Result<Uffd, Verdict> {
    let forker = Thread::spawn("the forking thread", || match Child::fork(|| 0) {
        Ok(child) => {
            let pid = child.pid;
            std::mem::forget(child);
            i64::from(pid)
        }
        Err(_) => -1,
    });
    let child = match scene.uffd.next()? {
        Event::Fork { fd } => Uffd { fd },
        other => fail!("{} came, not a fork event", other.name()),
    };
    let pid = forker.returns()? as libc::pid_t;
    // SAFETY: no status is asked for. The child exits at once.
    let reaped = unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    ensure!(reaped == pid, "the child did not end");
    Ok(child)
}

/// A pipe that holds these bytes: (the reading end, the writing end).
pub fn pipe_with(bytes: &[u8]) -> Result<(libc::c_int, libc::c_int), Verdict> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    need("pipe", unsafe {
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC)
    })?;
    // SAFETY: the bytes live through the call.
    let wrote = unsafe { libc::write(ends[1], bytes.as_ptr().cast(), bytes.len()) };
    need("write to a pipe", wrote as i64)?;
    Ok((ends[0], ends[1]))
}

/// In a thread, read(2) of one byte of the pipe to this address: 0, or the
/// errno.
pub fn reads_pipe_into(pipe: libc::c_int, addr: usize) -> Thread {
    Thread::spawn("the thread in read(2)", move || {
        // SAFETY: the cases pass addresses of their own memory.
        match unsafe { libc::read(pipe, addr as *mut libc::c_void, 1) } {
            1 => 0,
            _ => i64::from(errno()),
        }
    })
}

/// In a thread, write(2) of one byte at this address to the pipe: 0, or the
/// errno.
pub fn writes_pipe_from(pipe: libc::c_int, addr: usize) -> Thread {
    Thread::spawn("the thread in write(2)", move || {
        // SAFETY: the cases pass addresses of their own memory.
        match unsafe { libc::write(pipe, addr as *const libc::c_void, 1) } {
            1 => 0,
            _ => i64::from(errno()),
        }
    })
}

/// The region must be made of transparent huge pages.
pub fn need_thp(region: &Region) -> Outcome {
    if smaps::bytes(region.addr, "AnonHugePages:")? == region.len {
        return Ok(());
    }
    Err(Verdict::Cannot(
        "no transparent huge page was to be had".to_owned(),
    ))
}

/// One transparent huge page, filled as by [`Scene::new`], not registered.
pub fn thp() -> Result<Region, Verdict> {
    let region = Region::new(Memory::Thp, huge_page_size() / page_size())?;
    region.fill(FIRST);
    need_thp(&region)?;
    Ok(region)
}

/// An argument that the kernel can read and not write, and the page that it
/// lies in.
pub fn read_only<T>(value: T) -> Result<(Region, *mut T), Verdict> {
    let page = Region::source(1, 0)?;
    let arg = page.addr as *mut T;
    // SAFETY: a page is large enough for every argument, and aligned.
    unsafe { arg.write_volatile(value) };
    page.mprotect(0, 1, libc::PROT_READ)?;
    Ok((page, arg))
}

/// One of the crate's ioctls.
type Ioctl<T> = unsafe fn(libc::c_int, *mut T) -> libc::c_int;

/// What the call answers to an argument that the kernel can read and not write.
pub fn with_read_only<T>(
    uffd: &Uffd,
    call: &'static str,
    ioctl: Ioctl<T>,
    value: T,
) -> Result<Answer, Verdict> {
    let (_page, arg) = read_only(value)?;
    // SAFETY: the kernel checks the address.
    Ok(Answer::of(call, || unsafe { ioctl(uffd.fd, arg) }))
}

/// An argument that the kernel cannot read must be EFAULT.
pub fn refuses_unreadable<T>(uffd: &Uffd, call: &'static str, ioctl: Ioctl<T>) -> Outcome {
    let page = Region::new(Memory::Anon, 1)?;
    // Behind the region nothing can be accessed.
    let nowhere = page.at(1) as *mut T;
    // SAFETY: the kernel checks the address, which is the point.
    Answer::of(call, || unsafe { ioctl(uffd.fd, nowhere) }).fails(EFAULT)
}

/// fcntl(2) with a number.
pub fn fcntl(
    fd: libc::c_int,
    command: libc::c_int,
    value: libc::c_int,
) -> Result<libc::c_int, Verdict> {
    // SAFETY: the commands used here take a number.
    need("fcntl", unsafe { libc::fcntl(fd, command, value) }).map(|n| n as libc::c_int)
}
