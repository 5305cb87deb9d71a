//! `gladstone`: the commands of the desk, and the centre. Reads arguments; keeps no rules.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gladstone_central::cli::{self as central, Central};
use gladstone_desk::cli::{self as desk, Verb};
use gladstone_sync::{Address, JoinLink};

#[derive(Parser)]
#[command(name = "gladstone", version, about = "Gladstone: ask, listen and plan without a network.")]
struct Arguments {
    #[command(subcommand)]
    command: Program,
}

#[derive(Subcommand)]
enum Program {
    #[command(flatten)]
    Desk(Verb),
    /// Run the centre of an organization, and look after it.
    Central(Box<Central>),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Program::Desk(verb) => desk::main(verb),
        Program::Central(arguments) => central::main(*arguments, &link),
    }
}

/// The link to join that an invitation is given out as.
fn link(address: &str, code: &str, authority: Option<&[u8]>) -> Result<String, String> {
    let address = Address::parse(address).map_err(|fault| format!("--public-url: {fault}"))?;
    Ok(JoinLink { address, code: code.to_owned(), authority: authority.map(<[u8]>::to_vec) }.to_string())
}
