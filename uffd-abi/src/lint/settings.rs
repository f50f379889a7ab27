//! The files beside the command line: the configuration and the baseline.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
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

/// The arguments with what the configuration adds, or what is wrong with it. Its
/// paths are those of the folder that it is in.
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

/// The problems of a baseline, or what is wrong with it.
pub fn read_baseline(path: &Path) -> Result<Vec<Fingerprint>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// Writes the problems of a run, in an order that only they decide; or tells
/// why that cannot be done.
pub fn write_baseline(path: &Path, report: &TreeReport) -> Result<usize, String> {
    let problems = report.problems();
    let known = problems.map(|(file, problem)| Fingerprint::of(file, problem));
    let known: BTreeSet<Fingerprint> = known.collect();
    let text = serde_json::to_string_pretty(&known).map_err(|error| error.to_string())?;
    std::fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(known.len())
}
