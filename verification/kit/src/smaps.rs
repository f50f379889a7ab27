//! /proc/self/smaps: what the kernel counts of a mapping.

use crate::verdict::{need_file, Verdict};

/// A field such as `Swap:` of the mapping that begins at this address, in
/// bytes; zero if this kernel does not have it.
pub fn bytes(addr: usize, field: &str) -> Result<usize, Verdict> {
    let text = text(addr, field)?;
    let kb = text.split_whitespace().next().and_then(|n| n.parse().ok());
    Ok(kb.unwrap_or(0) * 1024)
}

/// The same as text, such as that of `VmFlags:`; none if this kernel does not
/// have it.
pub fn text(addr: usize, field: &str) -> Result<String, Verdict> {
    let path = "/proc/self/smaps";
    let text = need_file(path, std::fs::read_to_string(path))?;
    let head = format!("{:x}-", addr);
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&head));
    let value = lines.find_map(|line| line.strip_prefix(field));
    Ok(value.unwrap_or("").trim().to_owned())
}
