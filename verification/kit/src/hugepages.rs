//! Huge pages, reserved while a program needs them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::pages::meminfo;
use crate::verdict::Verdict;

const POOL: &str = "/proc/sys/vm/nr_hugepages";

/// How many pages this process added to the pool. The pool is counted up and
/// down, never set to a remembered value: others may change it meanwhile.
static ADDED: Mutex<usize> = Mutex::new(0);

/// Huge pages that can be mapped, for as long as this lives.
#[derive(Debug)]
pub struct HugePages {
    added: usize,
}

impl HugePages {
    /// Adds so many to the pool; takes what is free there if it may not.
    pub fn reserve(pages: usize) -> Result<HugePages, Verdict> {
        let mut total = lock();
        let before = pool()?;
        let written = std::fs::write(POOL, (before + pages).to_string());
        if let Err(error) = written {
            if free() >= pages {
                return Ok(HugePages { added: 0 });
            }
            let why = format!(
                "No huge pages, and vm.nr_hugepages cannot be set: {}",
                error
            );
            return Err(match error.raw_os_error() {
                Some(libc::EACCES) | Some(libc::EPERM) | Some(libc::EROFS) => cannot(why),
                _ => Verdict::Fail(why),
            });
        }
        let guard = HugePages {
            added: pool()?.saturating_sub(before),
        };
        *total += guard.added;
        drop(total); // `guard` may be dropped below, which takes the lock.
        if guard.added < pages {
            return Err(cannot(format!(
                "the kernel found {} of {} huge pages",
                guard.added, pages
            )));
        }
        Ok(guard)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let mut total = lock();
        *total -= self.added;
        shrink(self.added);
    }
}

/// For an end without destructors.
pub fn give_back_all() {
    shrink(std::mem::take(&mut *lock()));
}

fn shrink(pages: usize) {
    if pages > 0 {
        if let Ok(now) = pool() {
            let _ = std::fs::write(POOL, now.saturating_sub(pages).to_string());
        }
    }
}

fn lock() -> MutexGuard<'static, usize> {
    ADDED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pool() -> Result<usize, Verdict> {
    let text = std::fs::read_to_string(POOL).ok();
    let pages = text.and_then(|text| text.trim().parse().ok());
    pages.ok_or_else(|| cannot("no huge pages on this kernel".to_owned()))
}

/// Pages that are neither used nor promised to a mapping.
fn free() -> usize {
    let of = |name| meminfo(name).unwrap_or(0);
    of("HugePages_Free:").saturating_sub(of("HugePages_Rsvd:"))
}

fn cannot(why: String) -> Verdict {
    Verdict::Cannot(why)
}
