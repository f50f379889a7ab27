//! Where pages and kernels are known to disagree: `errata.txt`.

use crate::machine::Machine;

/// A case whose claim does not hold on some kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erratum {
    /// The case.
    pub id: String,
    /// Where: `all`, `6.7-`, `-6.6`, `5.10-6.1`, `6.18-6.18.43`, `aarch64`;
    /// words are all needed, alternatives are separated by a comma.
    pub wherever: String,
    /// What the case then fails with, word for word.
    pub instead: String,
}

/// The committed errata.
///
/// # Panics
///
/// When the file is malformed.
pub fn all() -> Vec<Erratum> {
    parse(include_str!("../errata.txt")).unwrap_or_else(|error| panic!("errata.txt: {}", error))
}

/// Blocks of `case`, `where` and `instead` lines (and `about`, for readers),
/// separated by empty lines; `#` begins a comment.
///
/// # Errors
///
/// The line that cannot be understood.
pub fn parse(text: &str) -> Result<Vec<Erratum>, String> {
    let mut found = vec![];
    for block in text.split("\n\n") {
        let mut fields = [String::new(), String::new(), String::new()];
        let mut empty = true;
        for line in block
            .lines()
            .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
        {
            empty = false;
            let (key, value) = line
                .split_once(": ")
                .ok_or_else(|| format!("no `key: ` in {:?}", line))?;
            match ["case", "where", "instead"].iter().position(|k| *k == key) {
                Some(n) => fields[n] = value.trim().to_owned(),
                None if key == "about" => {}
                None => return Err(format!("unknown key in {:?}", line)),
            }
        }
        if empty {
            continue;
        }
        if fields.iter().any(String::is_empty) {
            return Err(format!(
                "`case`, `where` and `instead` are needed: {:?}",
                block
            ));
        }
        let [id, wherever, instead] = fields;
        found.push(Erratum {
            id,
            wherever,
            instead,
        });
    }
    Ok(found)
}

impl Erratum {
    /// Does it concern this machine?
    pub fn applies(&self, machine: &Machine) -> bool {
        self.wherever
            .split(',')
            .any(|choice| choice.split_whitespace().all(|word| matches(word, machine)))
    }
}

fn matches(word: &str, machine: &Machine) -> bool {
    if word == "all" {
        return true;
    }
    if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        let from = version(from, 0).unwrap_or((0, 0, 0));
        let to = version(to, u32::MAX).unwrap_or((u32::MAX, 0, 0));
        let (major, minor) = machine.release;
        let release = (major, minor, machine.patch);
        return from <= release && release <= to;
    }
    word == machine.arch || word == machine.kernel_arch
}

/// `6.18.43`, or `6.18` with this for a third number.
fn version(text: &str, patch: u32) -> Option<(u32, u32, u32)> {
    let mut numbers = text.split('.').map(|n| n.parse().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some((major, minor, numbers.next().unwrap_or(Some(patch))?))
}
