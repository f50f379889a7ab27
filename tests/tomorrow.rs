//! The headers of a Linux that does not exist yet: each addition builds, or is
//! refused with the sentence that says why. `tomorrow/additions.rs` owns the
//! additions, as data that the C library's tests use, too.

#[allow(dead_code)] // The part of C is for other tests.
#[path = "tomorrow/additions.rs"]
mod additions;
mod cargo;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use additions::{Addition, Rust, ADDITIONS};
use cargo::items::{bare, items};
use cargo::trial::{Made, Tools};
use cargo::{kernel_headers, target_dir, ROOT};

/// Tries at a time.
const WORKERS: usize = 4;

/// What dependents do: they import all, name their variables as they like, and
/// take no warning.
const PROGRAM: &str = "
//! A program.
#![deny(warnings)]
use uffd_sys::*;

/// Uses what a header's macros could take the names of.
///
/// # Safety
///
/// As for the calls.
pub unsafe fn program(uffd: i32) -> Option<u64> {
    let mut uffdio = uffdio_range { start: 0, len: 4096 };
    let mut uffd_msgs = [uffd_msg::default(); 2];
    let mut scan = pm_scan_arg { size: 96, ..Default::default() };
    // SAFETY: the caller's.
    let (woken, bytes, scanned) = unsafe {
        (
            uffdio_wake(uffd, &mut uffdio),
            uffd_read(uffd, uffd_msgs.as_mut_ptr(), 2),
            pagemap_scan(uffd, &mut scan),
        )
    };
    let known = UFFD_API_FEATURES & UFFD_FEATURE_MOVE != 0 && UFFDIO_WAKE != 0;
    (woken == 0 && bytes > 0 && scanned >= 0 && known).then_some(uffdio.start)
}
";

fn committed() -> String {
    fs::read_to_string(format!("{ROOT}/src/bindings/generic.rs")).unwrap()
}

/// The items that are not in the committed bindings, bare and without spaces.
fn news(code: &str) -> Vec<String> {
    let items = |code: &str| items(code).iter().map(|i| bare(i)).collect::<Vec<_>>();
    let old = items(&committed());
    let news = items(code).into_iter().filter(|i| !old.contains(i));
    sorted(news.collect())
}

fn sorted(items: Vec<String>) -> Vec<String> {
    let mut items: Vec<String> = items
        .iter()
        .map(|item| item.split_whitespace().collect())
        .collect();
    items.sort();
    items
}

/// With the tree named: builds, or is refused and leaves nothing.
fn named(tools: &Tools, addition: &Addition, tree: &Path) -> Result<Made, String> {
    let dir = tree.to_str().unwrap();
    let made = tools.bindings(
        &format!("{}-named", addition.name),
        &[("UFFD_SYS_HEADERS", dir)],
    );
    match addition.rust {
        Rust::Builds(expected) => {
            if !made.succeeded {
                return Err(made.stderr);
            }
            let expected = sorted(expected.iter().map(|item| item.to_string()).collect());
            let news = news(&made.code());
            if news != expected {
                return Err(format!(
                    "other items than expected: {news:#?}\nnot: {expected:#?}"
                ));
            }
            let source = format!("bindgen, {dir}/include/linux/userfaultfd.h");
            if made.source != source || !made.warnings.is_empty() {
                return Err(format!(
                    "BINDINGS {}; warnings {:?}",
                    made.source, made.warnings
                ));
            }
            tools.compile(&made, PROGRAM)?;
        }
        Rust::Refused(words) => {
            if made.succeeded || !made.stderr.contains(words) || !made.stderr.contains(dir) {
                return Err(format!(
                    "it was to be refused with {words:?}:\n{}",
                    made.stderr
                ));
            }
            if !made.code().is_empty() {
                return Err("refused, and bindings were left behind".into());
            }
        }
    }
    Ok(made)
}

/// With the tree as the system's: the same bindings, or the committed ones and
/// one line of warning.
fn systems(tools: &Tools, addition: &Addition, tree: &Path, named: &Made) -> Result<(), String> {
    let include = tree.join("include");
    let args = format!(
        "-isystem '{0}' -isystem '{0}/x86_64-linux-gnu'",
        include.display()
    );
    let env = [("BINDGEN_EXTRA_CLANG_ARGS", args.as_str())];
    let made = tools.bindings(&format!("{}-system", addition.name), &env);
    if !made.succeeded {
        return Err(format!(
            "the system's headers broke the build: {}",
            made.stderr
        ));
    }
    match addition.rust {
        Rust::Builds(_) => {
            if made.code() != named.code()
                || made.source != named.source
                || !made.warnings.is_empty()
            {
                return Err(format!(
                    "as the system's: {} {:?}",
                    made.source, made.warnings
                ));
            }
        }
        Rust::Refused(words) => {
            let [warning] = &made.warnings[..] else {
                return Err(format!("one warning, not {:?}", made.warnings));
            };
            if !warning.starts_with("the committed bindings (Linux 7.3) are used: ")
                || !warning.contains(words)
            {
                return Err(format!("it warns: {warning}"));
            }
            if made.code() != committed() || made.source != "committed, Linux 7.3" {
                return Err(format!(
                    "other bindings than the committed ones: {}",
                    made.source
                ));
            }
        }
    }
    Ok(())
}

/// A tree like `real`, in which the addition was made. All else is linked.
fn tree(real: &Path, addition: &Addition) -> PathBuf {
    let tree = target_dir("tomorrow-trees").join(addition.name);
    let _ = fs::remove_dir_all(&tree);
    let (from, to) = (real.join("include"), tree.join("include"));
    fs::create_dir_all(to.join("linux")).unwrap();
    // Short links take no room on the disk.
    symlink(&from, tree.join("real")).unwrap();
    let link_all = |folder: &str, real: &str| {
        for entry in fs::read_dir(from.join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let link = to.join(folder).join(&name);
            if !link.exists() {
                symlink(Path::new(real).join(folder).join(&name), link).unwrap();
            }
        }
    };
    let header = fs::read_to_string(from.join(addition.file)).unwrap();
    fs::write(to.join(addition.file), addition.edit.apply(&header)).unwrap();
    link_all("", "../real");
    link_all("linux", "../../real");
    tree
}

#[test]
fn additions_to_the_newest_headers() {
    let Some(real) = kernel_headers("7.3", "additions_to_the_newest_headers") else {
        return;
    };
    let tools = Tools::new();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(String::new());
    let work = || {
        while let Some(addition) = ADDITIONS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tree = tree(&real, addition);
            let tried = named(&tools, addition, &tree)
                .and_then(|made| systems(&tools, addition, &tree, &made));
            if let Err(why) = tried {
                *failures.lock().unwrap() += &format!("---- {}: {why}\n", addition.name);
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|w| w.join().unwrap());
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures}");
    assert!(next.into_inner() >= ADDITIONS.len() && ADDITIONS.len() >= 25);
}
