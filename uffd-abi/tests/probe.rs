//! `probe` explains each refusal, in each of the places where one is met.

mod support;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;
use support::{is_root, Ran};

const SYSCTL: &str = "/proc/sys/vm/unprivileged_userfaultfd";

/// The sysctl is the whole machine's: one test at a time, and back as it was.
struct Sysctl {
    before: String,
    _alone: MutexGuard<'static, ()>,
}

impl Sysctl {
    fn set(value: &str) -> Sysctl {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = fs::read_to_string(SYSCTL).expect("Linux 5.2 or later");
        fs::write(SYSCTL, value).expect("root may set it");
        Sysctl {
            before,
            _alone: alone,
        }
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        let _ = fs::write(SYSCTL, &self.before);
    }
}

/// `probe`, as [`ran_in`] does.
fn probe(uid: u32, prepare: fn() -> io::Result<()>) -> Ran {
    ran_in(uid, prepare, &["probe", "--format", "json"])
}

/// The command, in a process that `prepare` has changed before it began. It is
/// copied to where any user may run it.
fn ran_in(uid: u32, prepare: fn() -> io::Result<()>, args: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy: PathBuf = dir.path().join("uffd-abi");
    fs::copy(env!("CARGO_BIN_EXE_uffd-abi"), &copy).unwrap();
    let mut command = Command::new(&copy);
    command.args(args).current_dir("/");
    if uid != 0 {
        command.uid(uid).gid(uid);
    }
    // SAFETY: `prepare` makes system calls alone, which is what may be done
    // between fork and exec.
    unsafe { command.pre_exec(prepare) };
    // Another test may fork while the copy is written, and its child then holds
    // the copy open for writing until it executes something.
    for _ in 0..100 {
        match command.output() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            done => return Ran::new(done.expect("the copy can be run")),
        }
    }
    panic!("the copy is busy for 2 s");
}

const NOBODY: u32 = 65534;

/// What `probe` says of a way: `works`, or errno, cause and remedy.
fn way(ran: &Ran, name: &str) -> (String, String, String) {
    let json = ran.json();
    let ways: Vec<Value> = json["open"].as_array().unwrap().clone();
    let way = ways.iter().find(|way| way["way"] == name).unwrap();
    let text = |key: &str| way[key].as_str().unwrap_or_default().to_owned();
    match way["works"] == true {
        true => ("works".into(), String::new(), String::new()),
        false => (
            format!("{} from {}", text("errno"), text("call")),
            text("cause"),
            text("remedy"),
        ),
    }
}

const CALL: &str = "system call";
const USER_MODE: &str = "system call, USER_MODE_ONLY";
const DEVICE: &str = "/dev/userfaultfd";

fn as_is() -> io::Result<()> {
    Ok(())
}

#[test]
fn as_root_every_way_works() {
    if !is_root("probe as root") {
        return;
    }
    let _sysctl = Sysctl::set("0");
    let ran = probe(0, as_is);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for name in [CALL, USER_MODE, DEVICE] {
        assert_eq!(way(&ran, name).0, "works", "{name}");
    }
    let json = ran.json();
    assert_eq!(json["surroundings"]["sys_ptrace"], true);
    // Registered for real: anonymous memory has COPY (3) and no CONTINUE (7).
    let memory = json["memory"].as_array().unwrap();
    let row = |kind: &str, mode: &str| {
        let row = memory
            .iter()
            .find(|row| row["memory"] == kind && row["mode"] == mode)
            .unwrap();
        row["answer"].clone()
    };
    assert_eq!(
        row("anonymous", "missing")["ioctls"].as_u64().unwrap() & (1 << 3 | 1 << 7),
        1 << 3
    );
    assert_eq!(row("anonymous", "minor")["refused"], libc::EINVAL);
    // hugetlbfs has no ZEROPAGE (4).
    assert_eq!(
        row("hugetlb", "missing")["ioctls"].as_u64().unwrap() & 1 << 4,
        0
    );
}

#[test]
fn as_an_ordinary_user_the_sysctl_decides() {
    if !is_root("probe as an ordinary user") {
        return;
    }
    {
        let _sysctl = Sysctl::set("0");
        let ran = probe(NOBODY, as_is);
        assert_eq!(ran.code, Some(0), "USER_MODE_ONLY works: {ran:?}");
        let (result, cause, remedy) = way(&ran, CALL);
        assert_eq!((&*result, &*cause), ("EPERM from userfaultfd(2)", "sysctl"));
        assert!(
            remedy.starts_with(
                "vm.unprivileged_userfaultfd is 0 and this process lacks CAP_SYS_PTRACE."
            ),
            "{remedy}"
        );
        assert!(
            remedy.contains("UFFD_USER_MODE_ONLY")
                && remedy.contains("sysctl vm.unprivileged_userfaultfd=1")
        );
        assert_eq!(way(&ran, USER_MODE).0, "works");
        let (result, cause, remedy) = way(&ran, DEVICE);
        assert_eq!((&*result, &*cause), ("EACCES from open(2)", "permission"));
        assert!(remedy.starts_with("The device is not open to this user (a character device, mode 600, owner 0, group 0)."), "{remedy}");
        assert!(remedy.contains("chmod 660"));
    }
    let _sysctl = Sysctl::set("1");
    let ran = probe(NOBODY, as_is);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(way(&ran, CALL).0, "works");
    assert_eq!(way(&ran, USER_MODE).0, "works");
    assert_eq!(way(&ran, DEVICE).1, "permission");
}

/// A mount namespace in which /dev is empty, as in many containers.
fn empty_dev() -> io::Result<()> {
    // SAFETY: strings that end with a zero; mounts of this namespace alone.
    let failed = unsafe {
        libc::unshare(libc::CLONE_NEWNS) != 0
            || libc::mount(
                c"none".as_ptr(),
                c"/".as_ptr(),
                std::ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                std::ptr::null(),
            ) != 0
            || libc::mount(
                c"none".as_ptr(),
                c"/dev".as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                std::ptr::null(),
            ) != 0
    };
    if failed {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[test]
fn without_the_device_it_says_how_to_make_it() {
    if !is_root("probe without the device") {
        return;
    }
    let ran = probe(0, empty_dev);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let (result, cause, remedy) = way(&ran, DEVICE);
    assert_eq!((&*result, &*cause), ("ENOENT from open(2)", "no-device"));
    let start =
        "The kernel has the device, but there is no node for it here. In a container pass it on \
                 (`--device /dev/userfaultfd`); else `mknod /dev/userfaultfd c 10 ";
    assert!(remedy.starts_with(start), "{remedy}");
}

/// Without /proc too, which then has to be said.
fn no_proc_no_dev() -> io::Result<()> {
    empty_dev()?;
    // SAFETY: as there.
    if unsafe {
        libc::mount(
            c"none".as_ptr(),
            c"/proc".as_ptr(),
            c"tmpfs".as_ptr(),
            0,
            std::ptr::null(),
        )
    } != 0
    {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[test]
fn without_proc_it_still_works_and_says_so() {
    if !is_root("probe without /proc") {
        return;
    }
    let ran = probe(0, no_proc_no_dev);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json()["surroundings"]["proc"], false);
    assert_eq!(way(&ran, CALL).0, "works");
    assert_eq!(way(&ran, DEVICE).1, "no-device");
}

/// A filter that refuses userfaultfd(2) with an errno, as container runtimes'
/// defaults do.
fn deny(errno: i32) -> io::Result<()> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_EQUAL, 0, 1, libc::SYS_userfaultfd as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: `filter` and its steps live through the calls.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) != 0
    };
    if failed {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[test]
fn under_a_seccomp_filter_it_names_the_filter() {
    // Needs no root: the device is closed then, and the filter is blamed alike.
    type Prepare = fn() -> io::Result<()>;
    let denials: [(Prepare, &str); 2] = [
        (|| deny(libc::EPERM), "EPERM"),
        (|| deny(libc::ENOSYS), "ENOSYS"),
    ];
    for (prepare, errno) in denials {
        let ran = probe(0, prepare);
        for name in [CALL, USER_MODE] {
            let (result, cause, remedy) = way(&ran, name);
            assert_eq!(
                (result, &*cause),
                (format!("{errno} from userfaultfd(2)"), "seccomp"),
                "{ran:?}"
            );
            let start =
                "A seccomp filter refuses `userfaultfd`, as the defaults of container runtimes do";
            assert!(remedy.starts_with(start), "{remedy}");
        }
        assert_eq!(ran.json()["surroundings"]["seccomp"], 2);
        let device_works = way(&ran, DEVICE).0 == "works";
        assert_eq!(ran.code, Some(if device_works { 0 } else { 2 }), "{ran:?}");
    }
}

#[test]
fn where_nothing_works_it_is_2_with_every_reason() {
    if !is_root("probe where nothing works") {
        return;
    }
    let nothing = || empty_dev().and_then(|()| deny(libc::EPERM));
    // The others refuse as well, and say what to do.
    for (args, refusal) in [
        (
            &["demo"][..],
            [
                "cannot open a userfaultfd: EPERM",
                "A seccomp filter refuses",
            ],
        ),
        (
            &["verify", "--strict"],
            [
                "UFFDIO_API: not asked: system call EPERM",
                "see `uffd-abi probe`",
            ],
        ),
    ] {
        let ran = ran_in(0, nothing, args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(refusal.iter().all(|part| ran.out.contains(part)), "{ran:?}");
    }
    let ran = probe(0, nothing);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let json = ran.json();
    assert_eq!(json["result"], "unchecked");
    let findings = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|c| c["findings"].as_array().unwrap());
    assert_eq!(
        findings.filter(|f| f["severity"] == "unchecked").count(),
        3,
        "{ran:?}"
    );
}
