//! Whole trees of files: what the command does, without printing.

use std::path::{Path, PathBuf};

use crate::check::check;
use crate::language::Form;
use crate::report::{FileReport, Problem, Severity};
use crate::target::Target;
use crate::walk::{self, Unread};

/// What is to be read, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The processor that the sources are for.
    pub target: Target,
    /// Files and folders to leave out, in the manner of `.gitignore`.
    pub exclude: Vec<String>,
    /// Problems that are known and told no more.
    pub baseline: Vec<Fingerprint>,
}

/// What makes a problem the same on another day: not its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Fingerprint {
    /// The file, as it was named.
    pub file: String,
    /// [`Problem::kind`].
    pub kind: String,
    /// [`Problem::item`].
    pub item: String,
    /// [`Problem::found`].
    pub found: String,
}

impl Fingerprint {
    /// That of a problem in a file. `./a.c` and `a.c` are the same.
    pub fn of(path: &Path, problem: &Problem) -> Fingerprint {
        let path = path.strip_prefix(".").unwrap_or(path);
        Fingerprint {
            file: path.display().to_string(),
            kind: problem.kind.to_owned(),
            item: problem.item.clone(),
            found: problem.found.clone(),
        }
    }
}

/// What a run amounts to.
#[derive(Clone, Debug, Default)]
pub struct TreeReport {
    /// The files with anything of userfaultfd, in the order they were met.
    pub files: Vec<(PathBuf, FileReport)>,
    /// Of all languages, whatever is in them.
    pub files_read: usize,
    /// Their bytes.
    pub bytes_read: u64,
    /// Problems of the baseline that are still there.
    pub baselined: usize,
    /// What was not read.
    pub unread: Unread,
}

impl TreeReport {
    /// All problems, with their files.
    pub fn problems(&self) -> impl Iterator<Item = (&Path, &Problem)> {
        let files = self.files.iter();
        files.flat_map(|(path, report)| report.problems.iter().map(|problem| (&**path, problem)))
    }
}

/// Checks all files at and under `paths`. What cannot be read is part of the
/// report.
///
/// # Errors
///
/// A pattern of `exclude` that is not understood.
pub fn lint(paths: &[PathBuf], options: &Options) -> Result<TreeReport, String> {
    let exclude = walk::patterns(&options.exclude)?;
    let packed = memchr::memmem::Finder::new("__packed");
    let mut defines_packed = false;
    let (mut report, mut unread) = (TreeReport::default(), Unread::default());
    let mut buffer = vec![];
    for path in paths {
        walk::walk(path, &exclude, &mut unread, |unread, path, form| {
            match walk::read(path, &mut buffer) {
                Ok(None) => {}
                Ok(Some(why)) => return unread.skip(why, 1),
                Err(error) => {
                    let named = paths.iter().any(|named| named == path);
                    return unread.fail(path, error, named);
                }
            }
            report.files_read += 1;
            report.bytes_read += buffer.len() as u64;
            if matches!(form, Form::Source(language) if language.is_c_family()) && !defines_packed {
                let defined = |at: usize| buffer[..at].trim_ascii_end().ends_with(b"define");
                defines_packed = packed.find_iter(&buffer).any(defined);
            }
            let mut found = check(form, path, &buffer, options.target);
            let all = found.problems.len();
            let known =
                |problem: &Problem| options.baseline.contains(&Fingerprint::of(path, problem));
            found.problems.retain(|problem| !known(problem));
            report.baselined += all - found.problems.len();
            if !found.is_empty() {
                report.files.push((path.to_owned(), found));
            }
        });
    }
    report.unread = unread;
    if defines_packed {
        let files = report.files.iter_mut();
        let problems = files.flat_map(|(_, report)| &mut report.problems);
        for problem in problems.filter(|problem| problem.kind == "packed") {
            problem.severity = Severity::Warning;
            problem.why = "this tree defines __packed elsewhere, and this file does not include \
                           that: where it is not included first, this declares a global variable \
                           named __packed, and the struct is not packed"
                .into();
        }
    }
    Ok(report)
}
