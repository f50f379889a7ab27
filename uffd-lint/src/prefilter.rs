//! Which files can hold anything to check: cheap, and right for nearly all
//! files of a tree.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use tree_sitter::{Point, Range};

use crate::language::{Data, Form};
use crate::source::is_word;

/// What only has to do with PAGEMAP_SCAN.
const SCAN: &str = "PAGEMAP_SCAN agemapScan PM_SCAN pm_scan PMScan mScan";

fn words(words: &str) -> AhoCorasick {
    // Only of this kind of match it looks for many words at once, with SIMD.
    let mut builder = AhoCorasick::builder();
    let built = builder
        .match_kind(MatchKind::LeftmostFirst)
        .build(words.split(' '));
    built.expect("a few short words")
}

/// Whether a source has to do with PAGEMAP_SCAN.
pub fn is_scan(bytes: &[u8]) -> bool {
    static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| words(SCAN));
    WORDS.is_match(bytes)
}

/// Whether a source has more of userfaultfd than the name of the system call,
/// which tables of all of them have.
pub fn is_likely(bytes: &[u8]) -> bool {
    names(bytes).any(|at| !bytes[at..].starts_with(b"serfault"))
}

/// Where the relevant names of a source are.
fn names(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    static NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
        // And the ends of request codes, for those that stand without a name.
        // The fewer words, the faster.
        let codes = "aa0 AA0 aa3f AA3F";
        words(&format!(
            "UFFD uffd Uffd UffD USERFAULTFD_IOC serfault {SCAN} {codes}"
        ))
    });
    let found = NAMES.find_iter(bytes).filter(|found| {
        let code = bytes[found.start()..][..2].eq_ignore_ascii_case(b"aa");
        !code || is_code(bytes, found.start() + 4)
    });
    found.map(|found| found.start())
}

/// Whether a text can hold anything to check.
pub fn is_candidate(form: Form, bytes: &[u8]) -> bool {
    static DATA: LazyLock<AhoCorasick> = LazyLock::new(|| words("ioctl UFFD PAGEMAP_SCAN"));
    match form {
        Form::Data(Data::Profile) => {
            memchr::memmem::find(bytes, b"SCMP_ACT_").is_some() && DATA.is_match(bytes)
        }
        Form::Data(_) => DATA.is_match(bytes),
        Form::Source(_) => {
            let mut names = names(bytes).peekable();
            let found = names.peek().is_some();
            found && (names.any(|at| !is_number(bytes, at)) || calls(bytes))
        }
    }
}

/// Whether a name is none but a request code, which tables of other numbers have
/// by chance, or that of the system call's number, `SYS_userfaultfd`.
fn is_number(bytes: &[u8], at: usize) -> bool {
    let (before, after) = bytes.split_at(at);
    let code = after.starts_with(b"aa") || after.starts_with(b"AA");
    let after = after.strip_prefix(b"serfaultfd");
    let ends = after.is_some_and(|after| !after.first().is_some_and(|byte| is_word(*byte)));
    code || ends && before.ends_with(b"_u")
}

/// Whether a source may call ioctl(2), or syscall(2) with the number of that.
fn calls(bytes: &[u8]) -> bool {
    static CALLS: LazyLock<AhoCorasick> = LazyLock::new(|| words("octl OCTL yscall YSCALL"));
    let mut found = CALLS.find_iter(bytes);
    found.any(|found| {
        let rest = &bytes[found.end()..];
        let end = rest.iter().position(|byte| !is_word(*byte));
        rest[end.unwrap_or(rest.len())..]
            .trim_ascii_start()
            .starts_with(b"(")
    })
}

/// Whole lines around the relevant names of a source, at most `most` bytes of
/// them: `None` if there are more.
pub fn around_names(bytes: &[u8], most: usize) -> Option<Vec<Range>> {
    const AROUND: usize = 8 << 10;
    let mut pieces: Vec<Range> = vec![];
    let (mut total, mut row, mut counted) = (0, 0, 0);
    let mut point = |byte: usize| {
        row += memchr::memchr_iter(b'\n', &bytes[counted..byte]).count();
        counted = byte;
        Point::new(row, 0)
    };
    let mut names = names(bytes).peekable();
    while let Some(name) = names.next() {
        let mut last = name;
        while let Some(next) = names.next_if(|next| *next < last + 2 * AROUND) {
            last = next;
        }
        let floor = pieces.last().map_or(0, |piece| piece.end_byte);
        let line = |near: usize| memchr::memrchr(b'\n', &bytes[..near]).map_or(0, |at| at + 1);
        let start_byte = line(name.saturating_sub(AROUND)).max(floor);
        let end_byte = match last + AROUND {
            end if end >= bytes.len() => bytes.len(),
            end => line(end).max(start_byte),
        };
        total += end_byte - start_byte;
        if total > most || end_byte <= last {
            return None;
        }
        let (start_point, end_point) = (point(start_byte), point(end_byte));
        pieces.push(Range {
            start_byte,
            end_byte,
            start_point,
            end_point,
        });
    }
    Some(pieces)
}

/// Whether a hexadecimal number of 8 digits ends here: 0xc018aa3f, 0xC018_AA3F.
fn is_code(bytes: &[u8], end: usize) -> bool {
    let Some(number) = bytes.get(end.saturating_sub(11)..end) else {
        return false;
    };
    let digit = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'_' | b'\'');
    let at = memchr::memmem::rfind(number, b"0x").or(memchr::memmem::rfind(number, b"0X"));
    at.is_some_and(|at| number.len() - at >= 10 && number[at + 2..].iter().all(digit))
        && !bytes.get(end).is_some_and(u8::is_ascii_hexdigit)
}
