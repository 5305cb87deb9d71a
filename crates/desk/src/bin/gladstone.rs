//! `gladstone`: the command line over the one command list. Draws progress, keeps no rules.
#![allow(clippy::print_stdout, clippy::print_stderr)]

fn main() -> std::process::ExitCode {
    gladstone_desk::cli::main()
}
