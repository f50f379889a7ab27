//! The ways to open a userfaultfd, and what each handles.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::support::*;
use uffd_sys::*;

/// A pipe that holds one byte, and what reads it into a page: the kernel then
/// touches the page, not this program.
fn pipe_holding_a_byte() -> OwnedFd {
    let mut ends = [-1; 2];
    // SAFETY: there is room for two descriptors.
    call0(|| unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }).expect("pipe2");
    // SAFETY: both are new.
    let [read, write] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    File::from(write)
        .write_all(&[7])
        .expect("write to the pipe");
    read
}

fn read_into(pipe: OwnedFd, region: &Region) -> Result<i64, Errno> {
    let page = region.address(0) as *mut libc::c_void;
    // SAFETY: the page is the region's, and only touched by the byte.
    call(|| unsafe { libc::read(pipe.as_raw_fd(), page, 1) as i64 })
}

#[test]
fn a_userfaultfd_from_the_device_works_like_any_other() {
    run(|| {
        let device = File::options()
            .read(true)
            .write(true)
            .open("/dev/userfaultfd");
        let device = device.map_err(|error| {
            let remedy = match error.kind() {
                ErrorKind::NotFound => {
                    "a kernel since Linux 6.1; a container must be given the device"
                }
                ErrorKind::PermissionDenied => "run as root, or: chmod a+rw /dev/userfaultfd",
                _ => panic!("/dev/userfaultfd: {error}"),
            };
            Skip::machine(format!("/dev/userfaultfd: {error}"), remedy)
        })?;
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
        // SAFETY: no memory is involved.
        let fd = call(|| unsafe { userfaultfd_new(device.as_raw_fd(), flags) })
            .expect("USERFAULTFD_IOC_NEW");
        // SAFETY: no memory is involved.
        let result = call(|| unsafe { libc::fcntl(fd, libc::F_GETFD) });
        assert_eq!(result, Ok(libc::FD_CLOEXEC));
        // SAFETY: the descriptor is new.
        let uffd = Uffd::with_fd(unsafe { OwnedFd::from_raw_fd(fd) }, 0)?;

        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let reader = region.read_in_background(0);
        uffd.next_fault();
        assert_eq!(
            uffd.copy(region.all(), 9, 0),
            (Ok(()), region.page_size() as i64)
        );
        assert_eq!(reader.join(), 9);

        // SAFETY: no memory is involved.
        let unknown_flag = call(|| unsafe { userfaultfd_new(device.as_raw_fd(), 2) });
        assert_eq!(unknown_flag, Err(EINVAL));
        Ok(())
    });
}

#[test]
fn user_mode_only_handles_the_faults_of_the_program() {
    run(|| {
        let uffd = Uffd::with_fd(open_user_mode_only(libc::O_NONBLOCK)?, 0)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let reader = region.read_in_background(0);
        uffd.next_fault();
        uffd.copy(region.all(), 5, 0).0.unwrap();
        assert_eq!(reader.join(), 5);
        Ok(())
    });
}

#[test]
fn with_user_mode_only_a_read_into_a_missing_page_is_efault() {
    run(|| {
        let uffd = Uffd::with_fd(open_user_mode_only(libc::O_NONBLOCK)?, 0)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        assert_eq!(read_into(pipe_holding_a_byte(), &region), Err(EFAULT));
        uffd.assert_no_message();
        Ok(())
    });
}

#[test]
fn with_user_mode_only_a_read_into_a_protected_page_is_efault() {
    run(|| {
        require(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let uffd = Uffd::with_fd(open_user_mode_only(libc::O_NONBLOCK)?, 0)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.protect_populated(&region);
        assert_eq!(read_into(pipe_holding_a_byte(), &region), Err(EFAULT));
        uffd.assert_no_message();
        assert_eq!(region.read(0), 1, "nothing was written");
        Ok(())
    });
}

#[test]
fn otherwise_a_read_into_a_protected_page_waits_as_a_thread_does() {
    run(|| {
        let uffd = Uffd::open_for_kernel_faults(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.protect_populated(&region);
        let (pipe, clone) = (pipe_holding_a_byte(), region.clone());
        let reader = in_background(move || read_into(pipe, &clone));
        let fault = uffd.next_fault();
        assert_eq!(
            fault.flags,
            UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE
        );
        reader.assert_waiting();
        uffd.writeprotect(region.all(), 0).unwrap();
        assert_eq!(reader.join(), Ok(1));
        assert_eq!(region.read(0), 7);
        Ok(())
    });
}

#[test]
fn closing_the_descriptor_lets_the_thread_go_on_and_its_write_is_untracked() {
    run(|| {
        let _no_child_holds_the_descriptor = Forks::lock();
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.protect_populated(&region);
        let writer = region.write_in_background(0, 8);
        uffd.next_fault();
        writer.assert_waiting();
        drop(uffd);
        writer.join();
        assert_eq!(region.read(0), 8);
        Ok(())
    });
}
