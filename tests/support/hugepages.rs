//! Huge pages for a test, or why there are none.

use uffd_kit::hugepages::HugePages;
use uffd_kit::verdict::Verdict;

use super::skip::Skip;

/// Huge pages that can be mapped, for as long as this lives.
pub fn reserve(pages: usize) -> Result<HugePages, Skip> {
    HugePages::reserve(pages).map_err(|verdict| {
        let Verdict::Cannot(why) = verdict else {
            panic!("{}", verdict.text())
        };
        Skip::machine(why, "as root: sysctl vm.nr_hugepages=32")
    })
}
