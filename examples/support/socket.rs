//! A descriptor over a Unix socket (SCM_RIGHTS), with words beside it.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// What goes with the descriptor.
pub type Words = [u64; 2];

/// Room for the control message of one descriptor, aligned as it must be.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Builds the message's header around the buffers.
fn header(words: &mut Words, part: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    *part = libc::iovec {
        iov_base: words.as_mut_ptr().cast(),
        iov_len: size_of::<Words>(),
    };
    // SAFETY: all-zero is a valid msghdr.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: computes a size.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as _;
    message
}

pub fn send(socket: &UnixStream, mut words: Words, fd: RawFd) -> io::Result<()> {
    // SAFETY: all-zero is a valid iovec.
    let (mut part, mut control) = (unsafe { zeroed() }, Control([0; 64]));
    let message = header(&mut words, &mut part, &mut control);
    // SAFETY: the control buffer has room for one header and one descriptor;
    // all buffers live through the call.
    let sent = unsafe {
        let head = libc::CMSG_FIRSTHDR(&message);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
        libc::CMSG_DATA(head).cast::<RawFd>().write_unaligned(fd);
        libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_NOSIGNAL)
    };
    match sent {
        -1 => Err(io::Error::last_os_error()),
        n if n as usize == size_of::<Words>() => Ok(()),
        _ => Err(other("sendmsg: not all was sent")),
    }
}

pub fn receive(socket: &UnixStream) -> io::Result<(Words, OwnedFd)> {
    let mut words = Words::default();
    // SAFETY: all-zero is a valid iovec.
    let (mut part, mut control) = (unsafe { zeroed() }, Control([0; 64]));
    let mut message = header(&mut words, &mut part, &mut control);
    // SAFETY: all buffers live through the call; the descriptor that comes is
    // new in this process, so it is ours.
    unsafe {
        let received = libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC);
        if received == -1 {
            return Err(io::Error::last_os_error());
        }
        let head = libc::CMSG_FIRSTHDR(&message);
        if received as usize != size_of::<Words>()
            || head.is_null()
            || (*head).cmsg_type != libc::SCM_RIGHTS
        {
            return Err(other("the socket's other side did not send a descriptor"));
        }
        let fd = libc::CMSG_DATA(head).cast::<RawFd>().read_unaligned();
        Ok((words, OwnedFd::from_raw_fd(fd)))
    }
}

fn other(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Other, what)
}
