//! docs/man-pages: each erratum of a page has a text for the page's maintainers,
//! and a program in C that shows what errata.txt says of this kernel.

#[path = "../../../tests/support/rights.rs"]
mod rights;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rights::{may, Right};
use skip_log::not_run;
use uffd_conformance::case::Case;
use uffd_conformance::cases;
use uffd_conformance::errata::{self, Erratum};
use uffd_conformance::machine::Machine;
use uffd_kit::hugepages::HugePages;

/// What a program ends with.
const AS_THE_TEXT: i32 = 0;
const AS_THE_PAGE: i32 = 1;
const CANNOT: i32 = 77;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder() -> PathBuf {
    root().join("docs/man-pages")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {}", path.display(), error))
}

/// The files of the folder with this suffix, without it.
fn stems(suffix: &str) -> BTreeSet<String> {
    let names = fs::read_dir(folder()).expect("docs/man-pages is there");
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stems = names.filter_map(|name| Some(name.strip_suffix(suffix)?.to_owned()));
    stems.filter(|stem| stem != "README").collect()
}

/// The pages that a sentence names: of section 2, or a file of the kernel's.
fn pages(sentence: &str) -> BTreeSet<&str> {
    let words = sentence.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    let words = words.map(|word| word.trim_end_matches(&['.', ':'][..]));
    let page = |word: &&str| {
        ["(2const)", "(2)", ".rst"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    words.filter(page).collect()
}

/// What errata.txt tells readers of a case.
fn about(id: &str) -> String {
    let text = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("errata.txt"));
    let head = format!("case: {}", id);
    let blocks = text.split("\n\n");
    let lines = blocks
        .filter(|block| block.lines().any(|line| line == head))
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("about: "));
    lines.collect::<Vec<_>>().join(" ")
}

fn case(id: &str) -> &'static Case {
    let found = cases::all().find(|case| case.id == id);
    found.unwrap_or_else(|| panic!("no case {}", id))
}

/// The errata that are a page's fault, each with the pages.
fn of_pages() -> Vec<(Erratum, BTreeSet<String>)> {
    let named = errata::all().into_iter().map(|erratum| {
        let about = about(&erratum.id);
        let mut named = pages(case(&erratum.id).source);
        named.extend(pages(&about));
        let named = named.into_iter().map(str::to_owned);
        (erratum, named.collect::<BTreeSet<String>>())
    });
    let found: Vec<_> = named.filter(|(_, pages)| !pages.is_empty()).collect();
    assert!(found.len() > 10, "only {} errata of pages", found.len());
    found
}

#[test]
fn each_erratum_of_a_page_has_a_text_and_a_program() {
    let expected: BTreeSet<String> = of_pages().into_iter().map(|(e, _)| e.id).collect();
    assert_eq!(stems(".md"), expected, "texts (left), errata of pages");
    assert_eq!(stems(".c"), expected, "programs (left), errata of pages");
}

#[test]
fn a_text_has_what_a_maintainer_needs() {
    let index = read(&folder().join("README.md"));
    for (erratum, pages) in of_pages() {
        let id = &erratum.id;
        let text = read(&folder().join(format!("{}.md", id)));
        let paragraphs: Vec<&str> = text.split("\n\n").collect();
        for head in ["It says.", "Kernels do.", "Proposed.", "Program."] {
            let head = format!("**{}** ", head);
            let head = head.trim_end();
            let found = paragraphs.iter().filter(|p| p.starts_with(head)).count();
            assert_eq!(found, 1, "{}.md: paragraphs {:?}", id, head);
        }
        let page = paragraphs.iter().find(|p| p.starts_with("**Page.** "));
        let page = page.unwrap_or_else(|| panic!("{}.md: no page", id));
        assert!(
            pages.iter().any(|name| page.contains(&name[..])),
            "{}.md is not about one of {:?}",
            id,
            pages
        );
        let title = text.lines().next().unwrap_or("").trim_start_matches("# ");
        let line = format!("- [{}]({}.md)\n", title, id);
        assert!(index.contains(&line), "README.md does not have {:?}", line);
        let link = format!("[{}.c]({}.c)", id, id);
        assert!(text.contains(&link), "{}.md does not have {}", id, link);
        let program = read(&folder().join(format!("{}.c", id)));
        let words = program.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '_');
        let words: BTreeSet<&str> = words.map(|word| word.trim_end_matches('.')).collect();
        for kernel in kernels(&erratum.wherever) {
            assert!(words.contains(kernel), "{}.c does not name {}", id, kernel);
        }
        assert!(program.lines().count() <= 60, "{}.c is long", id);
    }
}

/// The versions in the `where` of an erratum; if it has none, the processors.
fn kernels(wherever: &str) -> Vec<&str> {
    let words = || wherever.split(|c: char| c == ',' || c.is_whitespace());
    let versions = words()
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
        .flat_map(|word| word.split('-'));
    let versions: Vec<&str> = versions.filter(|word| !word.is_empty()).collect();
    match versions.is_empty() {
        true => words().filter(|w| !w.is_empty() && *w != "all").collect(),
        false => versions,
    }
}

/// gcc and clang, where they are installed.
fn compilers() -> Vec<&'static str> {
    let installed = |name: &&str| {
        let found = Command::new(name).arg("--version").output().is_ok();
        if !found {
            not_run("docs/man-pages", &format!("{} is not installed", name));
        }
        found
    };
    ["gcc", "clang"].into_iter().filter(installed).collect()
}

/// Builds a program for `way`, in a folder of this test.
fn build(compiler: &str, flags: &[&str], id: &str, way: &str) -> PathBuf {
    let folder_of_test = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man-pages");
    fs::create_dir_all(&folder_of_test).expect("the target folder is writable");
    let program = folder_of_test.join(format!("{}-{}-{}", id, compiler, way));
    let output = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Werror", "-pthread"])
        .args(flags)
        .arg("-o")
        .arg(&program)
        .arg(format!("{}.c", id))
        .current_dir(folder())
        .output()
        .expect("the compiler is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {}: {}", compiler, id, text);
    program
}

/// The Linux of the system's header, such as (6, 1).
fn system_header(compiler: &str) -> (u32, u32) {
    let output = Command::new(compiler)
        .args([
            "-E",
            "-dM",
            "-include",
            "linux/version.h",
            "-x",
            "c",
            "/dev/null",
        ])
        .output()
        .expect("the compiler is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines();
    let code = lines.find_map(|line| line.strip_prefix("#define LINUX_VERSION_CODE "));
    let code: u32 = code.expect("a version").trim().parse().expect("a number");
    (code >> 16, code >> 8 & 0xff)
}

/// The Linux whose header a program needs, as its text says.
fn header_needed(id: &str) -> (u32, u32) {
    let text = read(&folder().join(format!("{}.md", id)));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = text.split("the header of Linux ").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("{}.md does not name a header", id));
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|n| n.parse().ok());
    (number().expect("a version"), number().expect("a version"))
}

#[test]
fn a_program_builds_with_the_header_that_its_text_names() {
    for compiler in compilers() {
        let system = system_header(compiler);
        for id in stems(".c") {
            if header_needed(&id) <= system {
                build(compiler, &[], &id, "plain");
            }
        }
    }
}

/// What the program must end with here.
fn expected(id: &str, machine: &Machine) -> i32 {
    let errata = errata::all();
    let mut of_case = errata.iter().filter(|erratum| erratum.id == id);
    match case(id).absent_on(machine) {
        Some(_) => CANNOT,
        None if of_case.any(|erratum| erratum.applies(machine)) => AS_THE_TEXT,
        None => AS_THE_PAGE,
    }
}

#[test]
fn a_program_shows_what_the_errata_say_of_this_kernel() {
    let include = format!("-I{}", root().join("include").display());
    let mut programs = vec![];
    for compiler in compilers() {
        for id in stems(".c") {
            programs.push((build(compiler, &[&include], &id, "uffd_sys"), id));
        }
    }
    if programs.is_empty() || !may(Right::AllFaults, "docs/man-pages") {
        return;
    }
    let machine = Machine::detect().expect("this user may open a userfaultfd");
    let mut wrong = vec![];
    for (program, id) in &programs {
        let huge = id.contains("hugetlb").then(|| HugePages::reserve(4));
        if let Some(Err(verdict)) = &huge {
            not_run(&format!("docs/man-pages/{}.c", id), verdict.text());
            continue;
        }
        let Output { status, stdout, .. } = Command::new("timeout")
            .arg("30")
            .arg(program)
            .output()
            .expect("timeout is installed");
        let expected = expected(id, &machine);
        if status.code() != Some(expected) {
            let said = String::from_utf8_lossy(&stdout);
            wrong.push(format!("{}: {}, not {}\n{}", id, status, expected, said));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
