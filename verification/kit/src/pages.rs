//! The page sizes of this machine.

/// The size of an ordinary page.
pub fn page_size() -> usize {
    // SAFETY: no preconditions.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// The size of the usual huge page; zero if this kernel has none.
pub fn huge_page_size() -> usize {
    meminfo("Hugepagesize:").map_or(0, |kb| kb * 1024)
}

/// A number of /proc/meminfo.
pub fn meminfo(name: &str) -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
