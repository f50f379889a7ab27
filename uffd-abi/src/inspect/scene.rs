//! A process with those that belong to it: who handles its memory, and whose memory
//! it handles. The kernel does not tell either, so both are inferred.

use super::process::{self, Descriptor, Process, Unseen, Waits};

/// All that is looked at, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// The process that was asked for.
    pub target: Process,
    /// Others that have a userfaultfd with waiting threads.
    pub handlers: Vec<Process>,
    /// Those of them that have the same one as the process that was asked for.
    pub sharers: Vec<u32>,
    /// Others with threads that wait.
    pub handled: Vec<Process>,
    /// Processes that could not be looked at.
    pub unseen: usize,
}

impl Scene {
    /// Looks at a process, and at others where it alone does not explain what is
    /// seen.
    ///
    /// # Errors
    ///
    /// The process cannot be seen.
    pub fn look(pid: u32) -> Result<Scene, Unseen> {
        let mut scene = Scene {
            target: Process::read(pid)?,
            ..Scene::default()
        };
        scene.look_around();
        Ok(scene)
    }

    /// The same for a process whose ranges are known from before, and not read again
    /// where nothing says that they have changed.
    ///
    /// # Errors
    ///
    /// The process cannot be seen.
    pub fn look_again(earlier: &Scene) -> Result<Scene, Unseen> {
        let before = &earlier.target;
        let mut target = Process::glance(before.pid)?;
        let numbers =
            |process: &Process| -> Vec<u32> { process.descriptors.iter().map(|d| d.fd).collect() };
        let woken = before.waiters().next().is_some() && target.waiters().next().is_none();
        if woken || numbers(&target) != numbers(before) {
            target = Process::read(before.pid)?;
        } else {
            target.ranges.clone_from(&before.ranges);
        }
        let mut scene = Scene {
            target,
            ..Scene::default()
        };
        scene.look_around();
        Ok(scene)
    }

    fn look_around(&mut self) {
        let faults = |process: &Process| {
            let waiting = process.threads.iter();
            waiting.filter(|t| t.waits() == Some(Waits::Fault)).count() as u64
        };
        let (waiting, total) = (faults(&self.target), self.target.total());
        // A process that forked, or sent its descriptor and kept it.
        let target = &self.target;
        let handles = |thread| target.can_handle(thread);
        let shared = waiting > 0 && !target.threads.iter().any(handles);
        let registered = !self.target.ranges.is_empty() && self.target.descriptors.is_empty();
        let handlers = waiting > total || registered;
        let handled = total > waiting;
        if !handlers && !shared && !handled {
            return;
        }
        let me = std::process::id();
        for pid in process::numbers("/proc").unwrap_or_default() {
            if pid == self.target.pid || pid == me {
                continue;
            }
            let descriptors = match process::descriptors(pid) {
                Ok(descriptors) => descriptors,
                Err(Unseen::Gone) => continue,
                Err(_) => {
                    self.unseen += 1;
                    continue;
                }
            };
            if shared && same_userfaultfd(&self.target, pid, &descriptors) {
                self.handlers.extend(Process::glance(pid));
                self.sharers.push(pid);
                continue;
            }
            // With no thread waiting, any userfaultfd may be the one.
            let has = descriptors.iter().any(|d| d.total > 0 || waiting == 0);
            if handlers && has {
                self.handlers.extend(Process::glance(pid));
            } else if handled {
                let process = Process::glance(pid).ok();
                self.handled
                    .extend(process.filter(|p| faults(p) > p.total()));
            }
        }
    }

    /// Every process, each once.
    pub fn all(&self) -> impl Iterator<Item = &Process> {
        let others = self.handlers.iter().chain(&self.handled);
        std::iter::once(&self.target).chain(others)
    }

    /// The processes with a userfaultfd that counts here.
    pub fn holders(&self) -> impl Iterator<Item = &Process> {
        let own = Some(&self.target).filter(|target| !target.descriptors.is_empty());
        own.into_iter().chain(&self.handlers)
    }

    /// The threads that wait, with their processes.
    pub fn waiters(&self) -> impl Iterator<Item = (&Process, &process::Thread)> {
        let whose = std::iter::once(&self.target).chain(&self.handled);
        whose.flat_map(|process| process.waiters().map(move |thread| (process, thread)))
    }

    /// Threads that wait, by the descriptors.
    pub fn total(&self) -> u64 {
        self.holders()
            .map(Process::total)
            .fold(0, u64::saturating_add)
    }

    /// Messages not read, by the descriptors.
    pub fn pending(&self) -> u64 {
        self.holders()
            .map(Process::pending)
            .fold(0, u64::saturating_add)
    }
}

/// Whether a process has one of the target's userfaultfds. What cannot be told
/// (a kernel without kcmp(2)) is not.
fn same_userfaultfd(target: &Process, pid: u32, descriptors: &[Descriptor]) -> bool {
    const KCMP_FILE: libc::c_int = 0;
    descriptors.iter().any(|theirs| {
        target.descriptors.iter().any(|ours| {
            // SAFETY: it takes five numbers and compares what they stand for.
            let order = unsafe {
                libc::syscall(
                    libc::SYS_kcmp,
                    target.pid,
                    pid,
                    KCMP_FILE,
                    libc::c_ulong::from(ours.fd),
                    libc::c_ulong::from(theirs.fd),
                )
            };
            order == 0
        })
    })
}
