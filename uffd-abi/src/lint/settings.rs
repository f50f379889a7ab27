//! The files beside the command line: the configuration and the baseline.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uffd_lint::{Fingerprint, TreeReport};

use crate::arch::Arch;
use crate::cli::LintArgs;

const CONFIG: &str = "uffd-lint.toml";

/// The configuration: each key as the option of that name.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    paths: Vec<PathBuf>,
    arch: Option<String>,
    exclude: Vec<String>,
    strict: bool,
    baseline: Option<PathBuf>,
}

/// The arguments with what the configuration adds. Its paths are those of the
/// folder that it is in.
///
/// # Errors
///
/// What is wrong with it.
pub fn with_config(args: &LintArgs) -> Result<LintArgs, String> {
    let mut args = args.clone();
    let file = match &args.config {
        Some(file) => Some(file.clone()),
        None => Some(PathBuf::from(CONFIG)).filter(|file| file.is_file()),
    };
    if let Some(file) = file {
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
        let text = std::fs::read_to_string(&file).map_err(|error| wrong(&error))?;
        let config: Config =
            toml::from_str(&text).map_err(|error| wrong(&error.to_string().trim()))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        if args.paths.is_empty() {
            args.paths = config.paths.iter().map(|path| folder.join(path)).collect();
        }
        if let Some(name) = config.arch.filter(|_| args.arch.is_none()) {
            args.arch = Some(Arch::parse(&name).map_err(|why| wrong(&why))?);
        }
        args.exclude.extend(config.exclude);
        args.strict |= config.strict;
        let baseline = config.baseline.map(|path| folder.join(path));
        if args.write_baseline.is_none() {
            args.baseline = args.baseline.or(baseline);
        }
    }
    if args.paths.is_empty() {
        args.paths = vec![".".into()];
    }
    Ok(args)
}

#[derive(Deserialize, Serialize)]
struct Known {
    file: String,
    kind: String,
    item: String,
    found: String,
}

/// The problems of a baseline.
///
/// # Errors
///
/// What is wrong with it.
pub fn read_baseline(path: &Path) -> Result<Vec<Fingerprint>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let known: Vec<Known> = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let known = known.into_iter();
    Ok(known
        .map(
            |Known {
                 file,
                 kind,
                 item,
                 found,
             }| Fingerprint {
                file,
                kind,
                item,
                found,
            },
        )
        .collect())
}

/// Writes the problems of a run, in an order that only they decide.
///
/// # Errors
///
/// Why it cannot be written.
pub fn write_baseline(path: &Path, report: &TreeReport) -> Result<usize, String> {
    let mut known: Vec<Fingerprint> = report
        .problems()
        .map(|(file, problem)| Fingerprint::of(file, problem))
        .collect();
    known.sort();
    known.dedup();
    let count = known.len();
    let known = known.into_iter();
    let known: Vec<Known> = known
        .map(
            |Fingerprint {
                 file,
                 kind,
                 item,
                 found,
             }| Known {
                file,
                kind,
                item,
                found,
            },
        )
        .collect();
    let text = serde_json::to_string_pretty(&known).map_err(|error| error.to_string())?;
    std::fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(count)
}
