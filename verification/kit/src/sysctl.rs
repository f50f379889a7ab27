//! Settings of the system.

use crate::verdict::{need_file, Verdict};

/// Writes to a file of /proc/sys and puts the old text back when dropped.
pub struct Sysctl {
    path: String,
    old: String,
}

impl Sysctl {
    /// Sets `/proc/sys/NAME`.
    pub fn set(name: &str, value: &str) -> Result<Sysctl, Verdict> {
        let path = format!("/proc/sys/{}", name);
        let old = need_file(name, std::fs::read_to_string(&path))?;
        need_file(name, std::fs::write(&path, value))?;
        Ok(Sysctl { path, old })
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.path, &self.old);
    }
}
