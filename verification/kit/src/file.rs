//! Files to map: memfds, and one of a file system that is not shmem.

use std::ffi::CString;
use std::fs::File;
use std::os::unix::io::FromRawFd;

use libc::c_int;

use crate::verdict::{need, need_file, Verdict};

/// A memfd of this size; `flags` such as MFD_HUGETLB are added to MFD_CLOEXEC.
pub fn memfd(flags: libc::c_uint, len: usize) -> Result<File, Verdict> {
    let name = b"uffd-kit\0";
    let flags = flags | libc::MFD_CLOEXEC;
    // SAFETY: the name ends in zero. Not libc's function: old C libraries
    // lack it.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) };
    let fd = need("memfd_create", fd as i64)? as c_int;
    // SAFETY: the descriptor was just made and is nobody else's.
    sized(unsafe { File::from_raw_fd(fd) }, len)
}

/// A nameless file of this size on a ramfs that only this process sees.
pub fn on_ramfs(len: usize) -> Result<File, Verdict> {
    on("ramfs", "", len)
}

/// A nameless file of this size on a file system of this kind, mounted with these
/// options where only this process sees it.
pub fn on(kind: &str, options: &str, len: usize) -> Result<File, Verdict> {
    let c = |text: &str| CString::new(text).expect("no zero byte");
    let (kind, options) = (c(kind), c(options));
    let (root, at, path) = (c("/"), c("/mnt"), c("/mnt/file"));
    let _ = std::fs::create_dir("/mnt");
    let null = std::ptr::null();
    // SAFETY: every string ends in zero and lives through the calls.
    let fd = unsafe {
        need("unshare", libc::unshare(libc::CLONE_NEWNS))?;
        // In the initial file system of a virtual machine this answers
        // EINVAL, where nothing is shared anyway.
        let private = libc::MS_REC | libc::MS_PRIVATE;
        libc::mount(kind.as_ptr(), root.as_ptr(), kind.as_ptr(), private, null);
        let options = options.as_ptr().cast();
        let mounted = libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, options);
        need("mounting a file system", mounted)?;
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
        let fd = need("a file on it", libc::open(path.as_ptr(), flags, 0o600))?;
        libc::unlink(path.as_ptr());
        libc::umount2(at.as_ptr(), libc::MNT_DETACH);
        fd as c_int
    };
    // SAFETY: the descriptor was just made and is nobody else's.
    sized(unsafe { File::from_raw_fd(fd) }, len)
}

fn sized(file: File, len: usize) -> Result<File, Verdict> {
    need_file("ftruncate", file.set_len(len as u64))?;
    Ok(file)
}
