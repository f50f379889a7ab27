//! `uffd-abi`: verifies the userfaultfd ABI and explains what this kernel can
//! do. A library only so that its own tests, benchmarks and fuzz targets can
//! call the parts; the command is the interface.

// So its documentation is for those who change it.
#![allow(rustdoc::private_intra_doc_links)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub mod arch;
pub mod btf;
pub mod cli;
pub mod demo;
pub mod findings;
pub mod lint;
pub mod list;
pub mod memory;
pub mod output;
pub mod probe;
pub mod uffd;
pub mod verify;

use cli::{Cli, Command};
use findings::Exit;
use output::Output;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Rust ignores SIGPIPE; `uffd-abi list | head` should end as other
    // programs do, not with a message.
    // SAFETY: before any thread, and the default action is no function of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let cli = Cli::parse();
    let mut out = Output::stdout(cli.command.name(), &cli.output);
    let exit = match &cli.command {
        Command::Verify(args) => verify::run(args, &mut out),
        Command::Probe => probe::run(&mut out),
        Command::List(args) => list::run(args, &mut out),
        Command::Lint(args) => lint::run(args, &mut out),
        Command::Demo(args) => demo::run(args, &mut out),
        Command::Completions { shell } => completions(*shell),
        Command::Man { subcommand } => man(subcommand.as_deref()),
    };
    exit.into()
}

fn completions(shell: clap_complete::Shell) -> Exit {
    clap_complete::generate(shell, &mut Cli::command(), "uffd-abi", &mut io::stdout());
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
        eprintln!("uffd-abi: no such subcommand; see `uffd-abi --help`");
        return Exit::Unchecked;
    };
    let mut text = vec![];
    let written = clap_mangen::Man::new(page).render(&mut text);
    match written.and_then(|()| io::stdout().write_all(&text)) {
        Ok(()) => Exit::Same,
        Err(error) => {
            eprintln!("uffd-abi: cannot write the page: {error}");
            Exit::Unchecked
        }
    }
}
