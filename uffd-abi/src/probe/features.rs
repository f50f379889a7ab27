//! The features in a few words each; the table's sentences are for documents.

/// What a feature means, in about five words; the empty text for one that is
/// not known.
pub fn meaning(name: &str) -> &'static str {
    match name {
        "UFFD_FEATURE_PAGEFAULT_FLAG_WP" => "write-protect anonymous memory",
        "UFFD_FEATURE_EVENT_FORK" => "fork sends an event",
        "UFFD_FEATURE_EVENT_REMAP" => "mremap sends an event",
        "UFFD_FEATURE_EVENT_REMOVE" => "dropping pages sends an event",
        "UFFD_FEATURE_MISSING_HUGETLBFS" => "missing pages of hugetlbfs",
        "UFFD_FEATURE_MISSING_SHMEM" => "missing pages of shared memory",
        "UFFD_FEATURE_EVENT_UNMAP" => "munmap sends an event",
        "UFFD_FEATURE_SIGBUS" => "faults raise SIGBUS, no messages",
        "UFFD_FEATURE_THREAD_ID" => "messages name the faulting thread",
        "UFFD_FEATURE_MINOR_HUGETLBFS" => "minor faults of hugetlbfs",
        "UFFD_FEATURE_MINOR_SHMEM" => "minor faults of shared memory",
        "UFFD_FEATURE_EXACT_ADDRESS" => "messages have the exact address",
        "UFFD_FEATURE_WP_HUGETLBFS_SHMEM" => "write-protect hugetlbfs, shared memory",
        "UFFD_FEATURE_WP_UNPOPULATED" => "write-protect pages not there yet",
        "UFFD_FEATURE_POISON" => "make pages raise SIGBUS",
        "UFFD_FEATURE_WP_ASYNC" => "track writes without messages",
        "UFFD_FEATURE_MOVE" => "move pages instead of copying",
        "UFFD_FEATURE_RWP" => "trap reads and writes",
        "UFFD_FEATURE_RWP_ASYNC" => "track accesses without messages",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use uffd_sys::names;

    #[test]
    fn every_feature_has_a_meaning() {
        for feature in names::FEATURES.all() {
            let words = super::meaning(feature.name).split(' ').count();
            assert!((3..=5).contains(&words), "{}: {words} words", feature.name);
        }
    }
}
