//! `uffd-abi`: verifies the userfaultfd ABI and explains what this kernel can
//! do. A library only so that its own tests, benchmarks and fuzz targets can
//! call the parts; the command is the interface.
//!
//! It owns the command line, the witnesses and the words in which it answers. It
//! may use `uffd_sys` with the pinned table, and nothing of `verification/`: it is
//! published, and runs where there is no source.

// So its documentation is for those who change it.
#![allow(rustdoc::private_intra_doc_links)]

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub mod arch;
pub mod btf;
pub mod cli;
pub mod decode;
pub mod demo;
pub mod export;
pub mod findings;
pub mod inject;
pub mod inspect;
#[cfg(feature = "lint")]
pub mod lint;
pub mod list;
pub mod memory;
pub mod output;
pub mod probe;
mod sarif;
pub mod uffd;
pub mod verify;

use cli::{Cli, Command};
use findings::Exit;
use output::Output;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return not_parsed(&message),
    };
    let mut out = Output::stdout(cli.command.name(), &cli.output);
    let exit = match &cli.command {
        Command::Verify(args) => verify::run(args, &mut out),
        Command::Probe => probe::run(&mut out),
        Command::List(args) => list::run(args, &mut out),
        Command::Decode(args) => decode::run(args, &mut out),
        Command::Export(args) => export::run(args, &mut out),
        #[cfg(feature = "lint")]
        Command::Lint(args) => lint::run(args, &mut out),
        Command::Demo(args) => demo::run(args, &mut out),
        Command::Inject(args) => inject::run(args, &mut out),
        Command::Inspect(args) => inspect::run(args, &mut out),
        Command::Completions { shell } => completions(*shell),
        Command::Man { subcommand } => man(subcommand.as_deref()),
    };
    exit.into()
}

/// Prints the help, the version or what is wrong with the arguments.
fn not_parsed(message: &clap::Error) -> ExitCode {
    match message.print() {
        // Only the help goes to standard output.
        Err(error) if !message.use_stderr() => output::cannot_write(&error),
        _ => ExitCode::from(message.exit_code() as u8),
    }
}

fn completions(shell: clap_complete::Shell) -> Exit {
    let mut text = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "uffd-abi", &mut text);
    output::print(&text);
    Exit::Same
}

fn man(subcommand: Option<&str>) -> Exit {
    let mut command = Cli::command();
    command.build();
    let page = match subcommand {
        None => Some(command),
        // build() has given it the name `uffd-abi-verify`.
        Some(name) => command.find_subcommand(name).map(|sub| {
            let page = format!("uffd-abi-{name}");
            sub.clone().name(page)
        }),
    };
    let Some(page) = page else {
        output::say("no such subcommand; see `uffd-abi --help`");
        return Exit::Unchecked;
    };
    let mut text = vec![];
    clap_mangen::Man::new(page)
        .render(&mut text)
        .expect("writing to memory does not fail");
    output::print(&text);
    Exit::Same
}
