//! What all commands report: checks, each with what it compared and found.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

/// How a command ends, as the kernel's check-uapi does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// 0: compared, and no difference.
    Same,
    /// 1: the ABI differs somewhere.
    Different,
    /// 2: nothing was compared, or something asked for could not be checked.
    Unchecked,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; changes nothing: absent from an older header, newer than
    /// the table, a constant that could not be evaluated.
    Note,
    /// Right here, and likely wrong elsewhere; changes nothing either.
    Warning,
    /// Something that was asked for could not be checked: exit code 2.
    Unchecked,
    /// The ABI differs: exit code 1.
    Error,
}

/// Where a finding is, if it is in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as the user would name it.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1; 0 if not known.
    pub column: usize,
}

/// One thing to tell the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for programs: `mismatch`, `absent`, `newer`, `unreadable`, …
    pub kind: &'static str,
    /// About what: `UFFDIO_WAKE`, `uffdio_copy.len`; empty for a whole file.
    pub item: String,
    /// One line without the item's name: `value is 0x4010aa02, expected 0x8010aa02`.
    pub message: String,
    /// Why it matters or what to do, in full sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is there, if it is a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What should be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Where.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Finding {
    /// A finding with only the required parts; set the others on the value.
    pub fn new(
        severity: Severity,
        kind: &'static str,
        item: impl Into<String>,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            kind,
            item: item.into(),
            message: message.into(),
            why: None,
            found: None,
            expected: None,
            place: None,
        }
    }
}

/// One line of a test report: a witness, a file of sources, a live answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `gcc, headers of the system`, `src/uffd.rs`.
    pub name: String,
    /// How many comparisons it made.
    pub compared: usize,
    /// Why it was left out, if it was and nobody asked for it by name. (What
    /// was asked for and failed is a finding, [`Severity::Unchecked`].)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What it found.
    pub findings: Vec<Finding>,
}

impl Check {
    /// A check that has done nothing yet.
    pub fn new(name: impl Into<String>) -> Check {
        Check {
            name: name.into(),
            ..Check::default()
        }
    }

    /// A check that was left out, with the reason.
    pub fn skip(name: impl Into<String>, why: impl Into<String>) -> Check {
        Check {
            skipped: Some(why.into()),
            ..Check::new(name)
        }
    }

    /// The worst of its findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}
