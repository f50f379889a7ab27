//! Headers that a later Linux may bring, included by programs in C and C++:
//! each made-up addition to those of Linux 7.3 compiles, or is refused with
//! the sentence that the table of additions expects.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use crate::additions::{Addition, ADDITIONS, C};
use crate::support::{folder, has, headers_dir, include_flags, said_by, source_with};

/// What is wrong with one row, in one compiler's words.
fn wrong(row: &Addition, compiler: &str, success: bool, said: &str) -> Option<String> {
    let as_expected = match row.c {
        C::Compiles => success,
        C::Refused(words) => !success && said.to_lowercase().contains(&words.to_lowercase()),
    };
    (!as_expected).then(|| {
        let expected = match row.c {
            C::Compiles => "to compile".to_owned(),
            C::Refused(words) => format!("a refusal with {words:?}"),
        };
        format!("{} with {compiler}: expected {expected}\n{said}", row.name)
    })
}

#[test]
fn each_addition_compiles_or_is_refused_with_its_sentence() {
    let Some(newest) = headers_dir("7.3") else {
        return; // header_sets() has said so.
    };
    let compilers: Vec<&str> = ["gcc", "g++", "clang", "clang++"]
        .into_iter()
        .filter(|compiler| has(compiler, "additions to the newest header"))
        .collect();
    let dir = folder("tomorrow");
    let next = AtomicUsize::new(0);
    let (failures, compiled) = (Mutex::new(vec![]), AtomicUsize::new(0));
    let work = || {
        while let Some(row) = ADDITIONS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tree = dir.join(row.name);
            let header = fs::read_to_string(newest.join(row.file)).unwrap();
            fs::create_dir_all(tree.join("linux")).unwrap();
            fs::write(tree.join(row.file), row.edit.apply(&header)).unwrap();
            for compiler in &compilers {
                let text = "#include <uffd_sys.h>\n#include \"uses_everything.h\"\n";
                let source = source_with(&tree, compiler, text);
                for use_ in ["-DTHE_LIBRARY", "-DUFFD_SYS_HEADER_ONLY"] {
                    let flags = [vec![use_.to_owned()], include_flags(&[&tree, &newest])].concat();
                    let (success, said) = said_by(compiler, &flags, &source);
                    compiled.fetch_add(1, Ordering::Relaxed);
                    failures
                        .lock()
                        .unwrap()
                        .extend(wrong(row, compiler, success, &said));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(compiled.into_inner(), ADDITIONS.len() * compilers.len() * 2);
    assert!(ADDITIONS.len() >= 25);
}
