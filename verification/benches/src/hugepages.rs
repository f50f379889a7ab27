//! Huge pages of hugetlbfs, reserved for a while.

use std::fs;

const POOL: &str = "/proc/sys/vm/nr_hugepages";

/// Puts the size of the pool back when it goes.
pub struct HugePages {
    before: usize,
}

fn pool() -> Result<usize, String> {
    let text = fs::read_to_string(POOL).map_err(|error| format!("{POOL}: {error}"))?;
    text.trim()
        .parse()
        .map_err(|error| format!("{POOL}: {error}"))
}

fn meminfo(name: &str) -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

impl HugePages {
    /// Makes sure that so many are free.
    pub fn reserve(pages: usize) -> Result<HugePages, String> {
        if meminfo("Hugepagesize:") != Some(2048) {
            return Err("huge pages here are not of 2 MiB".to_string());
        }
        let before = pool()?;
        let guard = HugePages { before };
        let free = meminfo("HugePages_Free:").unwrap_or(0);
        if free < pages {
            let _ = fs::write(POOL, (before + pages - free).to_string());
        }
        let free = meminfo("HugePages_Free:").unwrap_or(0);
        if free < pages {
            return Err(format!(
                "{pages} huge pages are needed, {free} are free; as root: sysctl vm.nr_hugepages={}",
                before + pages
            ));
        }
        Ok(guard)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let _ = fs::write(POOL, self.before.to_string());
    }
}
