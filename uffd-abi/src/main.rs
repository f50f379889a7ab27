//! The command; all of it is in the library beside it, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    uffd_abi::main()
}
