//! The same functions from several places: Rust, the library, the header.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::process::Command;

use libc::{c_int, c_void};
use uffd_sys::*;

use crate::support::{folder, ok, root, WARNINGS};

macro_rules! functions {
    ($($name:ident = $rust:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*) => {
        /// One implementation.
        pub struct Api {
            pub name: &'static str,
            $(pub $name: unsafe extern "C" fn($($ty),*) -> $result,)*
        }

        /// The crate's own functions.
        pub fn rust() -> Api {
            $(
                unsafe extern "C" fn $name($($arg: $ty),*) -> $result {
                    // SAFETY: the caller's promise is the same.
                    unsafe { uffd_sys::$rust($($arg),*) }
                }
            )*
            Api { name: "Rust", $($name),* }
        }

        /// Functions of a shared library whose names begin with `prefix`.
        pub fn load(name: &'static str, library: &Path, prefix: &str) -> Api {
            let library = open(library);
            Api {
                name,
                $($name: {
                    let symbol = symbol(library, &format!("{prefix}{}", stringify!($name).trim_start_matches("r#")));
                    // SAFETY: the header declares the function of this name
                    // with this type.
                    unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($ty),*) -> $result>(symbol) }
                },)*
            }
        }
    };
}

functions! {
    userfaultfd = userfaultfd(flags: c_int) -> c_int;
    userfaultfd_new = userfaultfd_new(devfd: c_int, flags: c_int) -> c_int;
    api = uffdio_api(fd: c_int, arg: *mut uffdio_api) -> c_int;
    register = uffdio_register(fd: c_int, arg: *mut uffdio_register) -> c_int;
    unregister = uffdio_unregister(fd: c_int, arg: *mut uffdio_range) -> c_int;
    wake = uffdio_wake(fd: c_int, arg: *mut uffdio_range) -> c_int;
    copy = uffdio_copy(fd: c_int, arg: *mut uffdio_copy) -> c_int;
    zeropage = uffdio_zeropage(fd: c_int, arg: *mut uffdio_zeropage) -> c_int;
    r#move = uffdio_move(fd: c_int, arg: *mut uffdio_move) -> c_int;
    r#continue = uffdio_continue(fd: c_int, arg: *mut uffdio_continue) -> c_int;
    poison = uffdio_poison(fd: c_int, arg: *mut uffdio_poison) -> c_int;
    writeprotect = uffdio_writeprotect(fd: c_int, arg: *mut uffdio_writeprotect) -> c_int;
    rwprotect = uffdio_rwprotect(fd: c_int, arg: *mut uffdio_rwprotect) -> c_int;
    set_mode = uffdio_set_mode(fd: c_int, arg: *mut uffdio_set_mode) -> c_int;
    read = uffd_read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> isize;
    pagemap_scan = pagemap_scan(fd: c_int, arg: *mut pm_scan_arg) -> c_int;
}

/// The header's functions, compiled with these definitions.
pub fn header_only(name: &'static str, define: &[&str]) -> Api {
    load(name, &shim(name, define), "shim_")
}

/// A shared library with the header's functions.
pub fn shim(name: &str, define: &[&str]) -> PathBuf {
    let so = folder(&name.replace(' ', "-")).join("shim.so");
    let mut command = Command::new("gcc");
    command
        .args(["-std=c99", "-O2", "-shared", "-fPIC"])
        .args(WARNINGS)
        .args(define);
    command
        .arg(format!("-I{}", root().join("include").display()))
        .arg("-o")
        .arg(&so);
    command.arg(root().join("capi/tests/programs/shim.c"));
    ok(command);
    so
}

fn open(library: &Path) -> *mut c_void {
    let path = CString::new(library.to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: the libraries of these tests run no code when they are loaded.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    assert!(!handle.is_null(), "{}", error());
    handle
}

fn symbol(library: *mut c_void, name: &str) -> *mut c_void {
    let c_name = CString::new(name).expect("no NUL");
    // SAFETY: `library` is open and is never closed.
    let symbol = unsafe { libc::dlsym(library, c_name.as_ptr()) };
    assert!(!symbol.is_null(), "{}", error());
    symbol
}

fn error() -> String {
    // SAFETY: called after a failure, so it is a string, until the next call.
    unsafe { CStr::from_ptr(libc::dlerror()) }
        .to_string_lossy()
        .into_owned()
}
