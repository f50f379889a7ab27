//! Reserves huge pages while tests need them, and puts them back.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::skip::Skip;

const POOL: &str = "/proc/sys/vm/nr_hugepages";
const REMEDY: &str = "as root: sysctl vm.nr_hugepages=32";

/// How many pages this process added to the pool. The pool is counted up and
/// down, never set to a remembered value: others may change it meanwhile.
static ADDED: Mutex<usize> = Mutex::new(0);

/// Huge pages that can be mapped, for as long as this lives.
#[derive(Debug)]
pub struct HugePages {
    added: usize,
}

impl HugePages {
    pub fn reserve(pages: usize) -> Result<Self, Skip> {
        let mut total = lock();
        let before = pool()?;
        let wanted = before + pages;
        if let Err(error) = fs::write(POOL, wanted.to_string()) {
            // Whoever may not add pages takes what there is.
            if free()? >= pages {
                return Ok(HugePages { added: 0 });
            }
            let refused = matches!(
                error.raw_os_error(),
                Some(libc::EACCES | libc::EPERM | libc::EROFS)
            );
            assert!(refused, "{POOL}: {error}");
            let problem = format!("No huge pages, and vm.nr_hugepages cannot be set: {error}");
            return Err(Skip::machine(problem, REMEDY));
        }
        let guard = HugePages {
            added: pool()?.saturating_sub(before),
        };
        *total += guard.added;
        drop(total); // `guard` may be dropped below, which takes the lock.
        if guard.added < pages {
            let problem = format!("The kernel found {} of {pages} huge pages", guard.added);
            return Err(Skip::machine(problem, REMEDY));
        }
        Ok(guard)
    }

    /// The size of one, in bytes.
    pub fn size() -> Result<usize, Skip> {
        Ok(meminfo("Hugepagesize:")? * 1024)
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
            let _ = fs::write(POOL, now.saturating_sub(pages).to_string());
        }
    }
}

fn lock() -> MutexGuard<'static, usize> {
    ADDED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pool() -> Result<usize, Skip> {
    let text = fs::read_to_string(POOL).ok();
    let pages = text.and_then(|text| text.trim().parse().ok());
    pages.ok_or_else(|| {
        Skip::machine(
            "This kernel has no hugetlbfs",
            "a kernel with CONFIG_HUGETLBFS=y",
        )
    })
}

/// Pages that are neither used nor promised to a mapping.
fn free() -> Result<usize, Skip> {
    Ok(meminfo("HugePages_Free:")?.saturating_sub(meminfo("HugePages_Rsvd:")?))
}

fn meminfo(name: &str) -> Result<usize, Skip> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| {
        Skip::machine(
            "This kernel has no hugetlbfs",
            "a kernel with CONFIG_HUGETLBFS=y",
        )
    })
}
