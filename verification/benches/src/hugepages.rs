//! Huge pages of hugetlbfs, reserved for a while.

pub use uffd_kit::hugepages::HugePages;
use uffd_kit::pages::huge_page_size;

/// So many huge pages of 2 MiB, the size that the methods count in.
pub fn reserve(pages: usize) -> Result<HugePages, String> {
    if huge_page_size() != 2 << 20 {
        return Err("huge pages here are not of 2 MiB".to_string());
    }
    HugePages::reserve(pages)
        .map_err(|why| format!("{}; as root: sysctl vm.nr_hugepages={pages}", why.text()))
}
