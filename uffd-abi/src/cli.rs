//! The command line: every subcommand and its arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::arch::Arch;
use crate::decode::number;
use crate::inject::kinds::Kind;

/// Verifies the userfaultfd ABI of bindings, kernel headers, kernels and
/// sources, and explains what this kernel can do.
#[derive(Debug, Parser)]
#[command(
    name = "uffd-abi",
    version,
    propagate_version = true,
    max_term_width = 80,
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to tell.
    #[command(flatten)]
    pub output: OutputArgs,
}

const EXIT_CODES: &str = "\
Exit codes: 0 no difference, 1 the ABI differs, 2 could not check (comparing\n\
nothing is 2, but for lint).";

/// What the help says behind the options.
#[cfg(feature = "lint")]
const LINT_HELP: &str = "\
A comment in the line of a problem, or in the one above, allows it:\n\
    // uffd-abi: allow(UFFDIO_WAKE) the reason\n\
Exit codes: 0 nothing is wrong, or nothing is copied by hand; 1 something is\n\
wrong; 2 something could not be read (with --strict also: not evaluated, or\n\
nothing compared).";

/// How to tell; the same for every command.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// How to print
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub format: Format,
    /// Whether to use colours; auto honours NO_COLOR and TERM
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        global = true,
        value_name = "WHEN"
    )]
    pub color: Color,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// The kernel's test protocol (KTAP version 1)
    Ktap,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0, as code scanning of forges reads it
    Sarif,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that can show them
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check bindings, headers and the running kernel against each other
    Verify(VerifyArgs),
    /// Show what this kernel supports, and why userfaultfd cannot be opened
    Probe,
    /// Print the whole ABI
    List(ListArgs),
    /// Say what a number, or the bytes of a message, mean
    Decode(DecodeArgs),
    /// Print the ABI as a source of another language
    Export(ExportArgs),
    /// Check hand-copied constants and structs in sources
    #[cfg(feature = "lint")]
    Lint(LintArgs),
    /// Trap real writes with UFFDIO_WRITEPROTECT and check every one
    Demo(DemoArgs),
    /// Tell whether threads of a running process wait for a handler in vain
    Inspect(InspectArgs),
    /// Run a command under the disturbances that a kernel can cause
    Inject(InjectArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or that of a subcommand (roff)
    Man {
        /// Which subcommand
        subcommand: Option<String>,
    },
}

impl Command {
    /// Its name, as reports spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Verify(_) => "verify",
            Command::Probe => "probe",
            Command::List(_) => "list",
            Command::Decode(_) => "decode",
            Command::Export(_) => "export",
            #[cfg(feature = "lint")]
            Command::Lint(_) => "lint",
            Command::Demo(_) => "demo",
            Command::Inspect(_) => "inspect",
            Command::Inject(_) => "inject",
            Command::Completions { .. } => "completions",
            Command::Man { .. } => "man",
        }
    }
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct VerifyArgs {
    /// A tree of kernel headers: DIR/include, DIR/usr/include or DIR itself
    /// holds linux/userfaultfd.h; `none` checks uffd_sys.h alone. May be
    /// repeated [default: the system's]
    #[arg(long, value_name = "DIR")]
    pub headers: Vec<PathBuf>,
    /// BTF of a kernel [default: /sys/kernel/btf/vmlinux]
    #[arg(long, value_name = "FILE")]
    pub btf: Option<PathBuf>,
    /// A C compiler, which may be a cross compiler: it only compiles. May be
    /// repeated [default: those of cc, gcc and clang that there are]
    #[arg(long, value_name = "CC")]
    pub cc: Vec<String>,
    /// Do not ask the running kernel (a file given with --btf is still read)
    #[arg(long)]
    pub no_kernel: bool,
    /// A witness that is not there (no compiler, no BTF, no userfaultfd) is
    /// exit code 2, not a remark
    #[arg(long)]
    pub strict: bool,
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// The processor that values are for [default: this one]
    #[arg(long, value_name = "ARCH", value_parser = Arch::parse)]
    pub arch: Option<Arch>,
    /// Only what came with this Linux or later
    #[arg(long, value_name = "X.Y", value_parser = parse_version)]
    pub since: Option<(u32, u32)>,
    /// Only the numbers of the ioctls, ready for a seccomp filter
    #[arg(long)]
    pub seccomp: bool,
}

/// Arguments of `decode`.
#[derive(Clone, Debug, Args)]
pub struct DecodeArgs {
    /// Numbers, in decimal or after 0x, such as a request code of a trace; and
    /// messages, of 64 hexadecimal digits each
    #[arg(
        value_name = "VALUE",
        required_unless_present = "messages",
        allow_negative_numbers = true
    )]
    pub values: Vec<String>,
    /// A file with messages as read(2) gives them, 32 bytes each; - is standard
    /// input
    #[arg(long, value_name = "FILE")]
    pub messages: Option<PathBuf>,
    /// What a number is read as. May be repeated [default: whatever has names
    /// for it]
    #[arg(long = "as", value_name = "KIND")]
    pub kinds: Vec<number::Kind>,
    /// The processor that they are from [default: numbers of any, messages of
    /// this one]
    #[arg(long, value_name = "ARCH", value_parser = Arch::parse)]
    pub arch: Option<Arch>,
}

/// A language of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// C11 and C++11
    C,
    /// Go, without cgo
    Go,
    /// Zig
    Zig,
    /// Python with ctypes
    Python,
    /// Rust, without the crate uffd-sys
    Rust,
}

impl Lang {
    /// As `--lang` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Lang::C => "c",
            Lang::Go => "go",
            Lang::Zig => "zig",
            Lang::Python => "python",
            Lang::Rust => "rust",
        }
    }
}

/// What the help of `export` says behind the options.
const EXPORT_HELP: &str = "\
The file serves all processors, but for Go, which has one for mips, powerpc,\n\
sparc and alpha (--arch ppc64le) and one for all others.\n\
Exit codes: 0 written, or FILE is current; 1 FILE differs; 2 it could not be\n\
written or read.";

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub struct ExportArgs {
    /// The language
    #[arg(long, value_name = "LANG")]
    pub lang: Lang,
    /// For Go: the processor that request codes are for [default: amd64]
    #[arg(long, value_name = "ARCH", value_parser = Arch::parse)]
    pub arch: Option<Arch>,
    /// For Go: the name of the package [default: uffd]
    #[arg(long, value_name = "NAME", value_parser = parse_package)]
    pub package: Option<String>,
    /// Write to FILE, whole or not at all [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write nothing; tell whether FILE is what would be written
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub check: Option<PathBuf>,
}

/// Arguments of `lint`.
#[cfg(feature = "lint")]
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = LINT_HELP)]
pub struct LintArgs {
    /// Files, and folders to walk (.gitignore is respected) [default: what the
    /// configuration names, else this folder]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The processor that the sources are for [default: x86, arm and the like,
    /// but code under a condition on a processor is held to that one]
    #[arg(long, value_name = "ARCH", value_parser = Arch::parse)]
    pub arch: Option<Arch>,
    /// What to leave out, in the manner of .gitignore. May be repeated
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// What could not be evaluated, and comparing nothing, is exit code 2
    #[arg(long)]
    pub strict: bool,
    /// List every comparison
    #[arg(long, short)]
    pub verbose: bool,
    /// Problems that are known and told no more
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the problems of today to that file and exit with 0
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub write_baseline: Option<PathBuf>,
    /// The configuration [default: uffd-lint.toml, if it is in this folder]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How many threads write
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
    /// How many pages they write to
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub pages: u16,
}

/// What the help of `inspect` says behind the options.
const INSPECT_HELP: &str = "\
It only reads /proc, and takes half a second where threads wait. Which process\n\
handles whose memory is inferred, as the kernel does not tell.\n\
Exit codes: 0 fine, 1 stuck, 2 the process cannot be seen.";

/// Arguments of `inspect`.
#[derive(Clone, Debug, Args)]
#[command(after_help = INSPECT_HELP)]
pub struct InspectArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub pid: u32,
    /// Show it until it exits
    #[arg(long)]
    pub watch: bool,
}

/// What the help of `inject` says behind the options.
const INJECT_HELP: &str = "\
The command must end by itself, with exit code 0 for success. It is run in a PID\n\
namespace, and all of it ends with this tool.\n\
Calls of read, poll, ppoll and ioctl are seen; readv, epoll and io_uring are not.\n\
Exit codes: 0 it survived what it met; 1 it hung or failed; 2 it could not be\n\
tested, or met nothing.";

/// Arguments of `inject`.
#[derive(Clone, Debug, Args)]
#[command(after_help = INJECT_HELP)]
pub struct InjectArgs {
    /// Only this kind. May be repeated
    #[arg(long, value_name = "KIND")]
    pub only: Vec<Kind>,
    /// Which calls are disturbed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Seconds that a thread may wait in one fault while others run
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub timeout: u32,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub command: Vec<OsString>,
}

/// The name of a package of Go.
fn parse_package(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match first && rest {
        true => Ok(text.to_owned()),
        false => Err("a package is named with small letters and digits".to_owned()),
    }
}

/// `6.7` as (6, 7), which orders as versions do.
///
/// # Errors
///
/// Anything else.
pub fn parse_version(text: &str) -> Result<(u32, u32), String> {
    text.split_once('.')
        .and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)))
        .ok_or_else(|| "a version of Linux looks like 6.7".to_owned())
}
