//! Reports what was not tested: past the test harness, which
//! shows nothing of a test that passes, and in the file that
//! `UFFD_SYS_SKIP_LOG` names, which `make test` shows at its end.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// `what` was not tested, and why; with what can be done about it.
pub fn not_run(what: &str, why: &str) {
    let text = format!("NOT RUN {what}: {why}");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("UFFD_SYS_SKIP_LOG") {
        append(Path::new(&path), &line);
    }
}

/// In one write in append mode: the lines of parallel tests stay whole.
fn append(path: &Path, line: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut log| log.write_all(line.as_bytes()))
        .unwrap_or_else(|error| panic!("UFFD_SYS_SKIP_LOG={}: {error}", path.display()));
}
