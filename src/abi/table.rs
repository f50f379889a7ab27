//! The ABI, pinned: every constant and every struct as literals, with the
//! Linux that first supported it. Written by hand from the kernel's history,
//! so it is a witness of its own beside the header and the C compiler. The
//! documentation of the bindings comes from here too.
//!
//! The build script reads this file as well, so it uses nothing of the crate;
//! and src/check.rs reads it in every build, so it uses nothing of std.

/// How a processor puts an ioctl's request code together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two bits of direction: x86, arm, aarch64, riscv, s390x, loongarch, m68k.
    Generic,
    /// Three bits of direction, counted another way: mips, powerpc, sparc
    /// (and alpha, which Rust does not know).
    MipsPowerpcSparc,
}

impl Encoding {
    /// The encoding of a processor, by the name that Rust's `target_arch` has.
    pub fn of_arch(arch: &str) -> Encoding {
        match arch {
            "mips" | "mips32r6" | "mips64" | "mips64r6" | "powerpc" | "powerpc64" | "sparc"
            | "sparc64" => Encoding::MipsPowerpcSparc,
            _ => Encoding::Generic,
        }
    }
}

/// A constant of the ABI.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// The kernel's name.
    pub name: &'static str,
    /// The Rust type that this crate gives it.
    pub ty: &'static str,
    /// The value where the encoding is [`Encoding::Generic`].
    pub generic: u64,
    /// The value where it is [`Encoding::MipsPowerpcSparc`]; differs only for
    /// request codes.
    pub mips_powerpc_sparc: u64,
    /// The first Linux that supports it, such as `"5.7"`.
    pub since: &'static str,
    /// What it is, in a line of Markdown.
    pub doc: &'static str,
}

impl Constant {
    /// The value on processors of this encoding.
    pub fn value(&self, encoding: Encoding) -> u64 {
        match encoding {
            Encoding::Generic => self.generic,
            Encoding::MipsPowerpcSparc => self.mips_powerpc_sparc,
        }
    }

    /// Whether it is the request code of an ioctl.
    pub fn is_request(&self) -> bool {
        self.ty == "u32"
    }
}

/// A struct or union of the ABI.
#[derive(Clone, Copy, Debug)]
pub struct Struct {
    /// The kernel's name, or this crate's for an anonymous part of `uffd_msg`.
    pub name: &'static str,
    /// How C spells the type.
    pub c_type: &'static str,
    /// Bytes, where `u64` is aligned to 8: see [`Struct::size_for`].
    pub size: u64,
    /// Bytes, where `u64` is aligned to 8: see [`Struct::align_for`].
    pub align: u64,
    /// The first Linux that has it.
    pub since: &'static str,
    /// What it is, in a line of Markdown.
    pub doc: &'static str,
    /// All its fields, in order.
    pub fields: &'static [Field],
}

impl Struct {
    /// The alignment where `u64` has this one: i686 aligns it to 4.
    pub fn align_for(&self, align_of_u64: u64) -> u64 {
        self.align.min(align_of_u64)
    }

    /// The size where `u64` has this alignment. It differs for
    /// `uffd_msg_pagefault` alone, which then ends without padding: 20 bytes on
    /// i686. `uffd_msg` as a whole is the same everywhere.
    pub fn size_for(&self, align_of_u64: u64) -> u64 {
        if align_of_u64 >= 8 {
            return self.size;
        }
        let ends = self.fields.iter().map(|field| field.offset + field.size);
        let align = self.align_for(align_of_u64);
        (ends.max().unwrap_or(0) + align - 1) / align * align
    }

    /// The size of one of its fields where `u64` has this alignment.
    pub fn field_size_for(&self, field: &Field, align_of_u64: u64) -> u64 {
        let part = STRUCTS.iter().find(|part| {
            self.name == "uffd_msg_arg" && part.name.strip_prefix("uffd_msg_") == Some(field.name)
        });
        part.map_or(field.size, |part| part.size_for(align_of_u64))
    }

    /// Whether C has no name of its own for it.
    pub fn is_anonymous(&self) -> bool {
        !self.c_type.starts_with("struct ")
    }
}

/// A field of a struct or union.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name in Rust.
    pub name: &'static str,
    /// The byte it starts at.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What it is, in a line of Markdown.
    pub doc: &'static str,
}

/// Hands every constant to the macro `$with`:
/// `NAME: type = value [or value on mips, powerpc, sparc], since, doc;`
macro_rules! each_constant {
    ($with:ident) => {
        $with! {
            UFFD_USER_MODE_ONLY: c_int = 1, "5.11", "A flag of [`userfaultfd`](crate::userfaultfd): handle faults of user mode alone. Needs no privilege; a system call that touches a missing or protected page then fails with EFAULT.";
            USERFAULTFD_IOC: u8 = 0xAA, "6.1", "The ioctl type of `/dev/userfaultfd`.";
            USERFAULTFD_IOC_NEW: u32 = 0xAA00 or 0x2000_AA00, "6.1", "Request code of [`userfaultfd_new`](crate::userfaultfd_new): makes a userfaultfd from an open `/dev/userfaultfd`. Takes the flags by value.";

            UFFD_API: u64 = 0xAA, "4.3", "The only API number there is: what [`uffdio_api::api`] must hold.";
            UFFD_API_REGISTER_MODES: u64 = 0xF, "5.13", "All `UFFDIO_REGISTER_MODE_*` bits that the header knows. A kernel may have fewer: never require all bits of this mask.";
            UFFD_API_FEATURES: u64 = 0x7FFFF, "4.3", "All `UFFD_FEATURE_*` bits that the header knows. A kernel may have fewer: never require all bits of this mask. Do not request it: the kernel refuses bits that it lacks.";
            UFFD_API_IOCTLS: u64 = 0x8000_0000_0000_0403, "4.3", "The bits of [`uffdio_api::ioctls`] that the header knows. A kernel may have fewer: never require all bits of this mask.";
            UFFD_API_RANGE_IOCTLS: u64 = 0x3FC, "4.3", "The bits of [`uffdio_register::ioctls`] that the header knows. A kernel may have fewer: never require all bits of this mask.";
            UFFD_API_RANGE_IOCTLS_BASIC: u64 = 0x3CC, "4.11", "The bits of [`uffdio_register::ioctls`] for hugetlbfs that the header knows: no ZEROPAGE, no MOVE. A kernel may have fewer: never require all bits of this mask.";

            UFFD_FEATURE_PAGEFAULT_FLAG_WP: u64 = 0x1, "5.7", "Write-protection of anonymous memory: [`UFFDIO_REGISTER_MODE_WP`] and [`UFFDIO_WRITEPROTECT`].";
            UFFD_FEATURE_EVENT_FORK: u64 = 0x2, "4.11", "fork(2) sends [`UFFD_EVENT_FORK`] with a userfaultfd for the child, and waits until it is read. The C library holds the locks of malloc meanwhile, so a thread that is to read it must not allocate. Needs CAP_SYS_PTRACE, else EPERM.";
            UFFD_FEATURE_EVENT_REMAP: u64 = 0x4, "4.11", "mremap(2) sends [`UFFD_EVENT_REMAP`] and the new range stays registered. Without it a moved range is no longer tracked. With MREMAP_DONTUNMAP the old range stays registered either way.";
            UFFD_FEATURE_EVENT_REMOVE: u64 = 0x8, "4.11", "madvise(2) with MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE or MADV_REMOVE sends [`UFFD_EVENT_REMOVE`], before the pages are dropped.";
            UFFD_FEATURE_MISSING_HUGETLBFS: u64 = 0x10, "4.11", "Missing faults on hugetlbfs can be registered for.";
            UFFD_FEATURE_MISSING_SHMEM: u64 = 0x20, "4.11", "Missing faults on shared memory (tmpfs, memfd, shared anonymous; not of System V) can be registered for.";
            UFFD_FEATURE_EVENT_UNMAP: u64 = 0x40, "4.11", "munmap(2), or mmap(2) and mremap(2) over a range, send [`UFFD_EVENT_UNMAP`].";
            UFFD_FEATURE_SIGBUS: u64 = 0x80, "4.14", "A fault raises SIGBUS in the thread itself; there are no messages of faults.";
            UFFD_FEATURE_THREAD_ID: u64 = 0x100, "4.14", "Messages of faults name the thread, in [`uffd_msg_pagefault_feat::ptid`].";
            UFFD_FEATURE_MINOR_HUGETLBFS: u64 = 0x200, "5.13", "Minor faults on hugetlbfs: [`UFFDIO_REGISTER_MODE_MINOR`] and [`UFFDIO_CONTINUE`].";
            UFFD_FEATURE_MINOR_SHMEM: u64 = 0x400, "5.14", "Minor faults on shared memory.";
            UFFD_FEATURE_EXACT_ADDRESS: u64 = 0x800, "5.18", "[`uffd_msg_pagefault::address`] is the exact address, not that of its page.";
            UFFD_FEATURE_WP_HUGETLBFS_SHMEM: u64 = 0x1000, "5.19", "Write-protection of hugetlbfs and shared memory.";
            UFFD_FEATURE_WP_UNPOPULATED: u64 = 0x2000, "6.4", "Write-protection of anonymous pages that are not there yet; without it they are skipped silently.";
            UFFD_FEATURE_POISON: u64 = 0x4000, "6.6", "[`UFFDIO_POISON`] can be used.";
            UFFD_FEATURE_WP_ASYNC: u64 = 0x8000, "6.7", "A write to a protected page is let through by the kernel at once, without a message; [`PAGEMAP_SCAN`] tells which were written. Where [`UFFDIO_REGISTER_MODE_WP`] is the only mode, it works on files too.";
            UFFD_FEATURE_MOVE: u64 = 0x1_0000, "6.8", "[`UFFDIO_MOVE`] can be used.";
            UFFD_FEATURE_RWP: u64 = 0x2_0000, "7.3", "Read-write-protection: [`UFFDIO_REGISTER_MODE_RWP`] and [`UFFDIO_RWPROTECT`].";
            UFFD_FEATURE_RWP_ASYNC: u64 = 0x4_0000, "7.3", "An access to a read-write-protected page is let through by the kernel at once, without a message. Needs [`UFFD_FEATURE_RWP`] too; [`UFFDIO_SET_MODE`] switches it later.";

            _UFFDIO_REGISTER: u64 = 0x00, "4.3", "Number of [`UFFDIO_REGISTER`], and its bit in the fields named `ioctls`.";
            _UFFDIO_UNREGISTER: u64 = 0x01, "4.3", "Number of [`UFFDIO_UNREGISTER`], and its bit in the fields named `ioctls`.";
            _UFFDIO_WAKE: u64 = 0x02, "4.3", "Number of [`UFFDIO_WAKE`], and its bit in the fields named `ioctls`.";
            _UFFDIO_COPY: u64 = 0x03, "4.3", "Number of [`UFFDIO_COPY`], and its bit in the fields named `ioctls`.";
            _UFFDIO_ZEROPAGE: u64 = 0x04, "4.3", "Number of [`UFFDIO_ZEROPAGE`], and its bit in the fields named `ioctls`.";
            _UFFDIO_MOVE: u64 = 0x05, "6.8", "Number of [`UFFDIO_MOVE`], and its bit in the fields named `ioctls`.";
            _UFFDIO_WRITEPROTECT: u64 = 0x06, "5.7", "Number of [`UFFDIO_WRITEPROTECT`], and its bit in the fields named `ioctls`.";
            _UFFDIO_CONTINUE: u64 = 0x07, "5.13", "Number of [`UFFDIO_CONTINUE`], and its bit in the fields named `ioctls`.";
            _UFFDIO_POISON: u64 = 0x08, "6.6", "Number of [`UFFDIO_POISON`], and its bit in the fields named `ioctls`.";
            _UFFDIO_RWPROTECT: u64 = 0x09, "7.3", "Number of [`UFFDIO_RWPROTECT`], and its bit in the fields named `ioctls`.";
            _UFFDIO_SET_MODE: u64 = 0x0A, "7.3", "Number of [`UFFDIO_SET_MODE`], and its bit in the fields named `ioctls`.";
            _UFFDIO_API: u64 = 0x3F, "4.3", "Number of [`UFFDIO_API`], and its bit in the fields named `ioctls`.";

            UFFDIO: u8 = 0xAA, "4.3", "The ioctl type of a userfaultfd.";
            UFFDIO_API: u32 = 0xC018_AA3F, "4.3", "Request code of [`uffdio_api()`](fn@crate::uffdio_api).";
            UFFDIO_REGISTER: u32 = 0xC020_AA00, "4.3", "Request code of [`uffdio_register()`](fn@crate::uffdio_register).";
            UFFDIO_UNREGISTER: u32 = 0x8010_AA01 or 0x4010_AA01, "4.3", "Request code of [`uffdio_unregister()`](fn@crate::uffdio_unregister).";
            UFFDIO_WAKE: u32 = 0x8010_AA02 or 0x4010_AA02, "4.3", "Request code of [`uffdio_wake()`](fn@crate::uffdio_wake).";
            UFFDIO_COPY: u32 = 0xC028_AA03, "4.3", "Request code of [`uffdio_copy()`](fn@crate::uffdio_copy).";
            UFFDIO_ZEROPAGE: u32 = 0xC020_AA04, "4.3", "Request code of [`uffdio_zeropage()`](fn@crate::uffdio_zeropage).";
            UFFDIO_MOVE: u32 = 0xC028_AA05, "6.8", "Request code of [`uffdio_move()`](fn@crate::uffdio_move).";
            UFFDIO_WRITEPROTECT: u32 = 0xC018_AA06, "5.7", "Request code of [`uffdio_writeprotect()`](fn@crate::uffdio_writeprotect).";
            UFFDIO_CONTINUE: u32 = 0xC020_AA07, "5.13", "Request code of [`uffdio_continue()`](fn@crate::uffdio_continue).";
            UFFDIO_POISON: u32 = 0xC020_AA08, "6.6", "Request code of [`uffdio_poison()`](fn@crate::uffdio_poison).";
            UFFDIO_RWPROTECT: u32 = 0xC018_AA09, "7.3", "Request code of [`uffdio_rwprotect()`](fn@crate::uffdio_rwprotect).";
            UFFDIO_SET_MODE: u32 = 0x4010_AA0A or 0x8010_AA0A, "7.3", "Request code of [`uffdio_set_mode()`](fn@crate::uffdio_set_mode).";

            UFFDIO_REGISTER_MODE_MISSING: u64 = 0x1, "4.3", "Register for accesses to missing pages.";
            UFFDIO_REGISTER_MODE_WP: u64 = 0x2, "5.7", "Register for writes to write-protected pages.";
            UFFDIO_REGISTER_MODE_MINOR: u64 = 0x4, "5.13", "Register for faults on pages that are in the page cache but not mapped (shared memory, hugetlbfs).";
            UFFDIO_REGISTER_MODE_RWP: u64 = 0x8, "7.3", "Register for any access to read-write-protected pages. Not together with [`UFFDIO_REGISTER_MODE_WP`].";
            UFFDIO_COPY_MODE_DONTWAKE: u64 = 0x1, "4.3", "Do not wake the threads that wait for the page.";
            UFFDIO_COPY_MODE_WP: u64 = 0x2, "5.7", "Put the page in place write-protected. The range must be registered with [`UFFDIO_REGISTER_MODE_WP`].";
            UFFDIO_ZEROPAGE_MODE_DONTWAKE: u64 = 0x1, "4.3", "Do not wake the threads that wait for the page.";
            UFFDIO_WRITEPROTECT_MODE_WP: u64 = 0x1, "5.7", "Protect; without this bit UFFDIO_WRITEPROTECT lifts the protection.";
            UFFDIO_WRITEPROTECT_MODE_DONTWAKE: u64 = 0x2, "5.7", "Do not wake the threads that wait. Only when the protection is lifted: with [`UFFDIO_WRITEPROTECT_MODE_WP`] it is EINVAL. It is bit 1 here, and bit 0 in the calls that fill pages.";
            UFFDIO_CONTINUE_MODE_DONTWAKE: u64 = 0x1, "5.13", "Do not wake the threads that wait for the page.";
            UFFDIO_CONTINUE_MODE_WP: u64 = 0x2, "6.4", "Map the page write-protected. The range must be registered with [`UFFDIO_REGISTER_MODE_WP`].";
            UFFDIO_POISON_MODE_DONTWAKE: u64 = 0x1, "6.6", "Do not wake the threads that wait for the page.";
            UFFDIO_MOVE_MODE_DONTWAKE: u64 = 0x1, "6.8", "Do not wake the threads that wait for the page.";
            UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES: u64 = 0x2, "6.8", "Pages that are not there in the source count as moved; without this bit they are ENOENT.";
            UFFDIO_RWPROTECT_MODE_RWP: u64 = 0x1, "7.3", "Protect; without this bit UFFDIO_RWPROTECT lifts the protection.";
            UFFDIO_RWPROTECT_MODE_DONTWAKE: u64 = 0x2, "7.3", "Do not wake the threads that wait. Only when the protection is lifted. It is bit 1 here, and bit 0 in the calls that fill pages.";

            UFFD_EVENT_PAGEFAULT: u8 = 0x12, "4.3", "[`uffd_msg::event`]: a thread faulted; see [`uffd_msg_pagefault`].";
            UFFD_EVENT_FORK: u8 = 0x13, "4.11", "[`uffd_msg::event`]: the process forked; see [`uffd_msg_fork`].";
            UFFD_EVENT_REMAP: u8 = 0x14, "4.11", "[`uffd_msg::event`]: a range moved; see [`uffd_msg_remap`].";
            UFFD_EVENT_REMOVE: u8 = 0x15, "4.11", "[`uffd_msg::event`]: pages were dropped; see [`uffd_msg_remove`].";
            UFFD_EVENT_UNMAP: u8 = 0x16, "4.11", "[`uffd_msg::event`]: a range was unmapped; see [`uffd_msg_remove`], which it uses too.";
            UFFD_PAGEFAULT_FLAG_WRITE: u64 = 0x1, "4.3", "[`uffd_msg_pagefault::flags`]: the access was a write.";
            UFFD_PAGEFAULT_FLAG_WP: u64 = 0x2, "5.7", "[`uffd_msg_pagefault::flags`]: the page is write-protected.";
            UFFD_PAGEFAULT_FLAG_MINOR: u64 = 0x4, "5.13", "[`uffd_msg_pagefault::flags`]: the page is in the page cache but not mapped.";
            UFFD_PAGEFAULT_FLAG_RWP: u64 = 0x8, "7.3", "[`uffd_msg_pagefault::flags`]: the page is read-write-protected.";

            PROCFS_IOCTL_MAGIC: u8 = 0x66, "6.7", "The ioctl type of `/proc/PID/pagemap`.";
            PAGEMAP_SCAN: u32 = 0xC060_6610, "6.7", "Request code of [`pagemap_scan`](crate::pagemap_scan), on an open `/proc/PID/pagemap`.";
            PAGE_IS_WPALLOWED: u64 = 0x1, "6.7", "Page category: registered with [`UFFDIO_REGISTER_MODE_WP`] under [`UFFD_FEATURE_WP_ASYNC`].";
            PAGE_IS_WRITTEN: u64 = 0x2, "6.7", "Page category: written since it was last write-protected. A missing page counts as written, except of hugetlbfs; older kernels say so in some scans only: see [`pagemap_scan`](crate::pagemap_scan).";
            PAGE_IS_FILE: u64 = 0x4, "6.7", "Page category: backed by a file.";
            PAGE_IS_PRESENT: u64 = 0x8, "6.7", "Page category: in memory.";
            PAGE_IS_SWAPPED: u64 = 0x10, "6.7", "Page category: an entry that is not a page: swapped out, poisoned, a guard, or a missing page that is write-protected.";
            PAGE_IS_PFNZERO: u64 = 0x20, "6.7", "Page category: the zero page.";
            PAGE_IS_HUGE: u64 = 0x40, "6.7", "Page category: part of a transparent or hugetlbfs huge page.";
            PAGE_IS_SOFT_DIRTY: u64 = 0x80, "6.8", "Page category: soft-dirty.";
            PAGE_IS_GUARD: u64 = 0x100, "6.16", "Page category: a guard region (MADV_GUARD_INSTALL).";
            PAGE_IS_ACCESSED: u64 = 0x200, "7.3", "Page category: accessed since it was last read-write-protected. Of a transparent huge page, one access reports all.";
            PM_SCAN_WP_MATCHING: u64 = 0x1, "6.7", "[`pm_scan_arg::flags`]: write-protect each page that is reported. Of hugetlbfs it can lose written pages: see [`pagemap_scan`](crate::pagemap_scan).";
            PM_SCAN_CHECK_WPASYNC: u64 = 0x2, "6.7", "[`pm_scan_arg::flags`]: fail with EPERM on memory that is not registered for asynchronous write-protection.";
        }
    };
}

/// Hands every struct and union to the macro `$with`:
/// `struct NAME: C type, size, alignment, since, doc { field: start..end, doc; }`
macro_rules! each_struct {
    ($with:ident) => {
        $with! {
            struct uffd_msg: "struct uffd_msg", 32, 1, "4.3", "A message read from a userfaultfd: a fault or another event." {
                event: 0..1, "Which event: one of `UFFD_EVENT_*`. It says which member of `arg` holds.";
                reserved1: 1..2, "Zero.";
                reserved2: 2..4, "Zero.";
                reserved3: 4..8, "Zero.";
                arg: 8..32, "What happened.";
            }
            union uffd_msg_arg: "__typeof__(((struct uffd_msg *)0)->arg)", 24, 8, "4.3", "What happened; [`uffd_msg::event`] says which member holds. Writing a smaller member leaves the rest uninitialised: read through [`uffd_msg_bytes`](crate::uffd_msg_bytes)." {
                pagefault: 0..24, "[`UFFD_EVENT_PAGEFAULT`](crate::UFFD_EVENT_PAGEFAULT).";
                fork: 0..4, "[`UFFD_EVENT_FORK`](crate::UFFD_EVENT_FORK).";
                remap: 0..24, "[`UFFD_EVENT_REMAP`](crate::UFFD_EVENT_REMAP).";
                remove: 0..16, "[`UFFD_EVENT_REMOVE`](crate::UFFD_EVENT_REMOVE) and [`UFFD_EVENT_UNMAP`](crate::UFFD_EVENT_UNMAP).";
                reserved: 0..24, "The whole, in words.";
            }
            struct uffd_msg_pagefault: "__typeof__(((struct uffd_msg *)0)->arg.pagefault)", 24, 8, "4.3", "A fault: a thread waits at an address (with UFFD_FEATURE_SIGBUS it would have had a signal instead)." {
                flags: 0..8, "Bits of `UFFD_PAGEFAULT_FLAG_*`; none is a read of a missing page.";
                address: 8..16, "Where: the start of the page, or the exact address with [`UFFD_FEATURE_EXACT_ADDRESS`](crate::UFFD_FEATURE_EXACT_ADDRESS).";
                feat: 16..20, "Who, with [`UFFD_FEATURE_THREAD_ID`](crate::UFFD_FEATURE_THREAD_ID).";
            }
            union uffd_msg_pagefault_feat: "__typeof__(((struct uffd_msg *)0)->arg.pagefault.feat)", 4, 4, "4.14", "What further features tell of a fault." {
                ptid: 0..4, "The thread's id as the thread itself sees it, in its own PID namespace; zero without [`UFFD_FEATURE_THREAD_ID`](crate::UFFD_FEATURE_THREAD_ID).";
            }
            struct uffd_msg_fork: "__typeof__(((struct uffd_msg *)0)->arg.fork)", 4, 4, "4.11", "The process forked." {
                ufd: 0..4, "A new file descriptor in the reader: the userfaultfd of the child. The reader must close it; one whose message is thrown away unread leaks.";
            }
            struct uffd_msg_remap: "__typeof__(((struct uffd_msg *)0)->arg.remap)", 24, 8, "4.11", "A registered range moved." {
                from: 0..8, "Its old address.";
                to: 8..16, "Its new address.";
                len: 16..24, "Its length in bytes.";
            }
            struct uffd_msg_remove: "__typeof__(((struct uffd_msg *)0)->arg.remove)", 16, 8, "4.11", "Pages were dropped, or a range was unmapped." {
                start: 0..8, "The first address.";
                end: 8..16, "The address after the last; not a length.";
            }
            struct uffd_msg_reserved: "__typeof__(((struct uffd_msg *)0)->arg.reserved)", 24, 8, "4.3", "The whole of `arg`, in words." {
                reserved1: 0..8, "First word.";
                reserved2: 8..16, "Second word.";
                reserved3: 16..24, "Third word.";
            }
            struct uffdio_api: "struct uffdio_api", 24, 8, "4.3", "Argument of UFFDIO_API: the handshake." {
                api: 0..8, "In: [`UFFD_API`](crate::UFFD_API).";
                features: 8..16, "In: the `UFFD_FEATURE_*` bits to enable. Out: all that the kernel has.";
                ioctls: 16..24, "Out: bit n is set if the ioctl of number n can be used on this descriptor, as `ioctls & 1 << _UFFDIO_API`.";
            }
            struct uffdio_range: "struct uffdio_range", 16, 8, "4.3", "A range of memory; argument of UFFDIO_UNREGISTER and UFFDIO_WAKE." {
                start: 0..8, "Its address, a multiple of the page size.";
                len: 8..16, "Its length in bytes, a multiple of the page size, not zero.";
            }
            struct uffdio_register: "struct uffdio_register", 32, 8, "4.3", "Argument of UFFDIO_REGISTER." {
                range: 0..16, "In: the memory.";
                mode: 16..24, "In: bits of `UFFDIO_REGISTER_MODE_*`, at least one.";
                ioctls: 24..32, "Out: bit n is set if the kernel offers the ioctl of number n for this range, as `ioctls & 1 << _UFFDIO_COPY`. Some that it offers fail: see [`uffdio_register()`](fn@crate::uffdio_register).";
            }
            struct uffdio_copy: "struct uffdio_copy", 40, 8, "4.3", "Argument of UFFDIO_COPY." {
                dst: 0..8, "In: where the pages are missing, a multiple of the page size.";
                src: 8..16, "In: the data; any alignment.";
                len: 16..24, "In: bytes, a multiple of the page size.";
                mode: 24..32, "In: bits of `UFFDIO_COPY_MODE_*`.";
                copy: 32..40, "Out: the bytes copied, or a negated errno. Written on failure too.";
            }
            struct uffdio_zeropage: "struct uffdio_zeropage", 32, 8, "4.3", "Argument of UFFDIO_ZEROPAGE." {
                range: 0..16, "In: where the pages are missing.";
                mode: 16..24, "In: bits of `UFFDIO_ZEROPAGE_MODE_*`.";
                zeropage: 24..32, "Out: the bytes filled, or a negated errno. Written on failure too.";
            }
            struct uffdio_writeprotect: "struct uffdio_writeprotect", 24, 8, "5.7", "Argument of UFFDIO_WRITEPROTECT. It has no out field." {
                range: 0..16, "In: the memory.";
                mode: 16..24, "In: bits of `UFFDIO_WRITEPROTECT_MODE_*`; zero lifts the protection and wakes.";
            }
            struct uffdio_continue: "struct uffdio_continue", 32, 8, "5.13", "Argument of UFFDIO_CONTINUE." {
                range: 0..16, "In: the pages to map.";
                mode: 16..24, "In: bits of `UFFDIO_CONTINUE_MODE_*`.";
                mapped: 24..32, "Out: the bytes mapped, or a negated errno. Written on failure too.";
            }
            struct uffdio_poison: "struct uffdio_poison", 32, 8, "6.6", "Argument of UFFDIO_POISON." {
                range: 0..16, "In: the pages to poison.";
                mode: 16..24, "In: bits of `UFFDIO_POISON_MODE_*`.";
                updated: 24..32, "Out: the bytes poisoned, or a negated errno. Written on failure too.";
            }
            struct uffdio_rwprotect: "struct uffdio_rwprotect", 24, 8, "7.3", "Argument of UFFDIO_RWPROTECT. It has no out field." {
                range: 0..16, "In: the memory.";
                mode: 16..24, "In: bits of `UFFDIO_RWPROTECT_MODE_*`; zero lifts the protection and wakes.";
            }
            struct uffdio_move: "struct uffdio_move", 40, 8, "6.8", "Argument of UFFDIO_MOVE." {
                dst: 0..8, "In: where the pages are missing, a multiple of the page size.";
                src: 8..16, "In: the pages to move, a multiple of the page size.";
                len: 16..24, "In: bytes, a multiple of the page size.";
                mode: 24..32, "In: bits of `UFFDIO_MOVE_MODE_*`.";
                move_: 32..40, "Out: the bytes moved, or a negated errno. Written on failure too.";
            }
            struct uffdio_set_mode: "struct uffdio_set_mode", 16, 8, "7.3", "Argument of UFFDIO_SET_MODE." {
                enable: 0..8, "In: the `UFFD_FEATURE_*` bits to switch on.";
                disable: 8..16, "In: the `UFFD_FEATURE_*` bits to switch off.";
            }
            struct page_region: "struct page_region", 24, 8, "6.7", "What PAGEMAP_SCAN reports: a run of pages of the same categories." {
                start: 0..8, "Its address.";
                end: 8..16, "The address after it.";
                categories: 16..24, "Bits of `PAGE_IS_*`, of those asked for in `return_mask`.";
            }
            struct pm_scan_arg: "struct pm_scan_arg", 96, 8, "6.7", "Argument of PAGEMAP_SCAN." {
                size: 0..8, "In: the size of this struct, 96.";
                flags: 8..16, "In: bits of `PM_SCAN_*`.";
                start: 16..24, "In: the first address, a multiple of the page size.";
                end: 24..32, "In: the address after the last.";
                walk_end: 32..40, "Out: where the scan stopped; `end` when it is complete.";
                vec: 40..48, "In: address of an array of [`page_region`](crate::page_region), or zero.";
                vec_len: 48..56, "In: how many fit in it.";
                max_pages: 56..64, "In: stop after so many ordinary pages; zero is no limit. Ignored without `vec`. For hugetlbfs see [`pagemap_scan`](crate::pagemap_scan).";
                category_inverted: 64..72, "In: the categories that are tested the other way round.";
                category_mask: 72..80, "In: report pages that have all of these.";
                category_anyof_mask: 80..88, "In: of those, report pages that have any of these; zero does not restrict.";
                return_mask: 88..96, "In: the categories to tell in the answer.";
            }
        }
    };
}

macro_rules! pinned_constants {
    ($($name:ident: $ty:ident = $value:literal $(or $other:literal)?, $since:literal, $doc:literal;)*) => {
        /// Every constant of `linux/userfaultfd.h` and of the PAGEMAP_SCAN
        /// family of `linux/fs.h`, as of Linux 7.3.
        pub static CONSTANTS: &[Constant] = &[$(Constant {
            name: stringify!($name),
            ty: stringify!($ty),
            generic: $value,
            mips_powerpc_sparc: [$value $(, $other)?][pinned_constants!(@last $($other)?)],
            since: $since,
            doc: $doc,
        }),*];
    };
    (@last) => { 0 };
    (@last $other:literal) => { 1 };
}
each_constant!(pinned_constants);

impl Field {
    /// The kernel's name: `move` is a word of Rust's, so there it is `move_`.
    pub fn c_name(&self) -> &'static str {
        self.name.trim_end_matches('_')
    }
}

macro_rules! pinned_structs {
    ($($kind:ident $name:ident: $c:literal, $size:literal, $align:literal, $since:literal, $doc:literal {
        $($field:ident: $start:literal..$end:literal, $field_doc:literal;)*
    })*) => {
        /// Every struct of the same headers, and the anonymous parts of
        /// `uffd_msg` under the names that this crate gives them.
        pub static STRUCTS: &[Struct] = &[$(Struct {
            name: stringify!($name),
            c_type: $c,
            size: $size,
            align: $align,
            since: $since,
            doc: $doc,
            fields: &[$(Field {
                name: stringify!($field),
                offset: $start,
                size: $end - $start,
                doc: $field_doc,
            }),*],
        }),*];
    };
}
each_struct!(pinned_structs);
