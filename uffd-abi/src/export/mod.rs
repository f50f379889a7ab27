//! `uffd-abi export`: the pinned table as a source of another language, which
//! needs no header of the kernel's. `model` is what every language is given; each
//! language's file writes it down.

mod c;
mod go;
mod model;
mod python;
mod rust;
mod text;
mod write;
mod zig;

use std::path::Path;

use uffd_sys::abi::table::Encoding;

use crate::cli::{ExportArgs, Lang};
use crate::findings::{Check, Exit, Finding, Place, Severity};
use crate::output::{self, say, Output};

use text::MADE;

/// Runs the command.
pub fn run(args: &ExportArgs, out: &mut Output) -> Exit {
    let text = match source(args) {
        Ok(text) => text,
        Err(why) => {
            say(why);
            return Exit::Unchecked;
        }
    };
    if let Some(file) = &args.check {
        return check(file, &text, args, out);
    }
    if let Err(why) = out.can_show("export") {
        say(why);
        return Exit::Unchecked;
    }
    if let Some(file) = &args.output {
        if let Err(why) = write::whole(file, text.as_bytes()) {
            say(format_args!("{}: {why}", file.display()));
            return Exit::Unchecked;
        }
        return match out.is_text() {
            true => Exit::Same,
            false => out.finish_showing(&format!("wrote {}", file.display())),
        };
    }
    if out.is_text() {
        output::print(text.as_bytes());
        return Exit::Same;
    }
    out.data("source", &text);
    out.finish_showing("the source is in `source`")
}

/// The file, or why there is none.
fn source(args: &ExportArgs) -> Result<String, String> {
    let name = args.lang.name();
    if args.lang != Lang::Go && args.arch.is_some() {
        return Err(format!(
            "the file for {name} serves all processors: leave --arch out (only Go, which cannot \
             choose within a file, has two)"
        ));
    }
    if args.lang != Lang::Go && args.package.is_some() {
        return Err("--package is for Go".to_owned());
    }
    let command = command(args);
    Ok(match args.lang {
        Lang::C => c::source(&command),
        Lang::Zig => zig::source(&command),
        Lang::Python => python::source(&command),
        Lang::Rust => rust::source(&command),
        Lang::Go => {
            let arch = args.arch.as_ref();
            let encoding = arch.map_or(Encoding::Generic, |arch| arch.encoding);
            let package = args.package.as_deref().unwrap_or("uffd");
            go::source(encoding, package, &command)
        }
    })
}

/// The command line that makes the file anew.
fn command(args: &ExportArgs) -> String {
    let mut command = format!("uffd-abi export --lang {}", args.lang.name());
    let encoding = args.arch.as_ref().map(|arch| arch.encoding);
    if encoding == Some(Encoding::MipsPowerpcSparc) {
        // The same for all of them, whichever was named.
        command.push_str(" --arch ppc64le");
    }
    if let Some(package) = &args.package {
        command.push_str(&format!(" --package {package}"));
    }
    command
}

/// Compares a file with what would be written.
fn check(file: &Path, text: &str, args: &ExportArgs, out: &mut Output) -> Exit {
    let mut check = Check::new(file.display().to_string());
    match std::fs::read(file) {
        Err(error) => check.findings.push(Finding::new(
            Severity::Unchecked,
            "unreadable",
            "",
            format!("cannot be read: {error}"),
        )),
        Ok(found) => {
            check.compared = 1;
            let found = String::from_utf8_lossy(&found);
            check.findings.extend(difference(file, &found, text, args));
        }
    }
    let current = check.findings.is_empty();
    out.check(check);
    out.finish(match current {
        true => "it is what this version writes",
        false => "it is not what this version writes",
    })
}

/// The first line that differs.
fn difference(file: &Path, found: &str, expected: &str, args: &ExportArgs) -> Option<Finding> {
    // Some checkouts end lines in the manner of Windows.
    let found = found.replace("\r\n", "\n");
    let lines = |text: &str| -> Vec<String> { text.split('\n').map(str::to_owned).collect() };
    let (found, expected) = (lines(&found), lines(expected));
    let end = "the end of the file".to_owned();
    let differs = (0..found.len().max(expected.len())).find(|at| {
        let made = |lines: &[String]| lines.get(*at).is_some_and(|line| line.contains(MADE));
        found.get(*at) != expected.get(*at) && !(made(&found) && made(&expected))
    })?;
    let [found, expected] =
        [found, expected].map(|lines| lines.get(differs).unwrap_or(&end).clone());
    Some(Finding {
        why: Some(format!(
            "Make it anew: {} --output {}",
            command(args),
            file.display()
        )),
        place: Some(Place {
            file: file.to_owned(),
            line: differs + 1,
            column: 0,
        }),
        ..Finding::new(
            Severity::Error,
            "differs",
            "",
            format!("`{}`, expected `{}`", found.trim(), expected.trim()),
        )
    })
}
