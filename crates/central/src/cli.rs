//! `gladstone central`: run the service, and what its operator does. Everything goes through
//! [`Centre`]; this file reads arguments and prints answers.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod housekeeping;
mod options;
mod restore;
mod service;
mod show;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::{
    around::Machine,
    blobs,
    centre::{Centre, Invite},
    embedded::Embedded,
    engine::Engine,
    http::tls,
    postgres::{self, Postgres},
};
use options::{Identity, Options};

/// What `gladstone central` takes.
#[derive(Args, Clone, Debug)]
pub struct Central {
    /// File with settings; flags and environment come first.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Clone, Debug)]
enum Verb {
    /// Answer laptops until the process is told to end.
    Serve,
    /// Make an organization.
    Found {
        /// Its name.
        name: String,
    },
    /// List the organizations.
    Realms,
    /// Make a code with which one laptop joins.
    Invite {
        #[command(flatten)]
        realm: Realm,
        /// Name of the person.
        #[arg(long)]
        name: String,
        /// Role in the organization, for example trainer or admin.
        #[arg(long)]
        role: String,
        /// E-mail address of the person.
        #[arg(long)]
        email: Option<String>,
        /// Id of a person that the centre knows: another laptop for them.
        #[arg(long)]
        user: Option<Uuid>,
        /// How long the code is good.
        #[arg(long, default_value_t = 10)]
        minutes: u32,
        /// Print the link alone.
        #[arg(long)]
        quiet: bool,
    },
    /// List the laptops of an organization, and what they last sent.
    Devices {
        #[command(flatten)]
        realm: Realm,
    },
    /// End the right of a laptop.
    Revoke {
        #[command(flatten)]
        realm: Realm,
        /// The laptop.
        #[arg(long)]
        device: Uuid,
    },
    /// Say for how long laptops of an organization may work without contact; without a number, tell it.
    Lease {
        #[command(flatten)]
        realm: Realm,
        /// Days, 1 to 30.
        #[arg(long)]
        days: Option<u16>,
    },
    /// Begin another history, after a store was put back from a backup: laptops send again what it lacks.
    NewEpoch {
        #[command(flatten)]
        realm: Realm,
    },
    /// Write a copy of an organization's store, beside running work, and its files into a folder beside it.
    Backup {
        #[command(flatten)]
        realm: Realm,
        /// The file to be written.
        #[arg(long)]
        to: PathBuf,
        /// The store alone: files are copied in another way, for example by the bucket's own.
        #[arg(long)]
        without_files: bool,
    },
    /// Put the files that lie in the data folder, or in another one, where the settings now say: into a
    /// bucket, for example. What is there stays; may run beside the service.
    MoveFiles {
        /// The folder they were in; without it that in the data folder.
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Put an organization's store and files back from a backup; the service must not be running.
    Restore {
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        /// Take the place of a store that is there; that one is kept under another name.
        #[arg(long)]
        replace: bool,
    },
    /// Check every chain that laptops sent: hashes, links, signatures, gaps.
    VerifyAudit {
        #[command(flatten)]
        realm: Realm,
    },
    /// Read every file that records name and hold it against its hash and size. Names those that are
    /// missing or damaged, and ends with 1 then; may run beside the service.
    VerifyFiles {
        #[command(flatten)]
        realm: Realm,
    },
    /// Bring the store to this version. With --database as a role that may create roles and tables.
    Migrate,
}

#[derive(Args, Clone, Copy, Debug)]
struct Realm {
    /// The organization; may be left out when there is only one.
    #[arg(long)]
    realm: Option<Uuid>,
}

/// What a link to join is made of: address, code, and certificate of a private authority.
pub type Link<'a> = &'a dyn Fn(&str, &str, Option<&[u8]>) -> Result<String, String>;

/// Runs one verb and returns the exit code: 0 done, 1 failed. `link` writes links to join.
pub fn main(central: Central, link: Link<'_>) -> ExitCode {
    match run(central, link) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(central: Central, link: Link<'_>) -> Result<(), String> {
    let options = central.options.with_file(central.config.as_deref())?;
    service::log(options.log())?;
    match central.verb {
        Verb::Serve => service::serve(&options),
        Verb::Restore { from, replace } => restore::restore(&options, &from, replace),
        Verb::Found { name } => {
            let realm = open(&options)?.found(&name).map_err(text)?;
            println!("{realm}");
            Ok(())
        }
        Verb::Realms => show::realms(&open(&options)?),
        Verb::Migrate => migrate(&options),
        Verb::Invite { realm, name, role, email, user, minutes, quiet } => {
            let centre = open(&options)?;
            let invite = Invite { name, email, role, user, minutes };
            let made = centre.invite(realm.of(&centre)?, &invite).map_err(text)?;
            let link = link(&options.address()?, &made.code, authority(&options)?.as_deref())?;
            show::invitation(&made, &link, quiet);
            Ok(())
        }
        Verb::Devices { realm } => {
            let centre = open(&options)?;
            show::devices(&centre.devices(realm.of(&centre)?).map_err(text)?);
            Ok(())
        }
        Verb::Revoke { realm, device } => {
            let centre = open(&options)?;
            centre.revoke(realm.of(&centre)?, device).map_err(text)
        }
        Verb::Lease { realm, days } => {
            let centre = open(&options)?;
            let realm = realm.of(&centre)?;
            if let Some(days) = days {
                centre.set_lease_days(realm, days).map_err(text)?;
            }
            println!("{} days", centre.lease_days(realm).map_err(text)?);
            Ok(())
        }
        Verb::NewEpoch { realm } => {
            let centre = open(&options)?;
            println!("{}", centre.new_epoch(realm.of(&centre)?).map_err(text)?);
            Ok(())
        }
        Verb::MoveFiles { from } => move_files(&options, from),
        Verb::Backup { realm, to, without_files } => {
            let centre = Arc::new(open(&options)?);
            let realm = realm.of(&centre)?;
            centre.backup(realm, &to).map_err(text)?;
            if without_files {
                println!("{} is the copy, without the files that its records name.", to.display());
                return Ok(());
            }
            // After the store: every file that the copy names as brought is in its place by now.
            let files = options.files(&centre)?.copy_to(realm, &blobs::copy::beside(&to)).map_err(text)?;
            println!("{} and {files} files in {} are the copy; keep both.", to.display(), blobs::copy::beside(&to).display());
            Ok(())
        }
        Verb::VerifyAudit { realm } => {
            let centre = open(&options)?;
            show::audit(&centre, realm.of(&centre)?)
        }
        Verb::VerifyFiles { realm } => {
            let centre = Arc::new(open(&options)?);
            let realm = realm.of(&centre)?;
            show::files(&centre, realm, &options.files(&centre)?)
        }
    }
}

impl Realm {
    fn of(self, centre: &Centre) -> Result<Uuid, String> {
        let realms = centre.realms().map_err(text)?;
        match (self.realm, realms.as_slice()) {
            (Some(realm), _) => Ok(realm),
            (None, [only]) => Ok(only.realm),
            (None, []) => Err("There is no organization yet: make one with `gladstone central found NAME`.".into()),
            (None, _) => Err("There are several organizations: name one with --realm.".into()),
        }
    }
}

/// The centre over the store that the settings name.
fn open(options: &Options) -> Result<Centre, String> {
    let data = options.data()?;
    let engine: Box<dyn Engine> = match options.database() {
        None => Box::new(Embedded::open(&data.join("realms")).map_err(text)?),
        Some(url) => Box::new(Postgres::open(&postgres::Settings::new(url, &data.join("state"))).map_err(text)?),
    };
    Centre::open(engine, Arc::new(Machine::default())).map_err(text)
}

/// Takes files from a folder to where they are kept now. The folder stays as it is.
fn move_files(options: &Options, from: Option<PathBuf>) -> Result<(), String> {
    let from = match from {
        Some(from) => from,
        None if options.has_bucket() => options.blobs()?,
        None => return Err("Name the folder with --from: files are kept in the data folder itself.".into()),
    };
    let centre = Arc::new(open(options)?);
    let files = options.files(&centre)?;
    for realm in centre.realms().map_err(text)? {
        let moved = files.put_back(realm.realm, &from.join(realm.realm.to_string())).map_err(text)?;
        println!("{}: {moved} files were not there yet.", realm.name);
    }
    println!("{} may be removed now.", from.display());
    Ok(())
}

/// Brings the store to this version.
fn migrate(options: &Options) -> Result<(), String> {
    let Some(url) = options.database() else { return show::realms(&open(options)?) };
    let applied = postgres::migrate(url, &options.data()?.join("state")).map_err(text)?;
    applied.iter().for_each(|step| println!("{step}"));
    println!("{} steps were applied.", applied.len());
    Ok(())
}

/// The certificate that invitations carry, where a private authority vouches for the service.
fn authority(options: &Options) -> Result<Option<Vec<u8>>, String> {
    match options.identity() {
        Identity::Plain | Identity::Files { authority: None, .. } => Ok(None),
        Identity::Files { authority: Some(file), .. } => tls::authority(&file).map(Some).map_err(text),
        Identity::SelfSigned => tls::own_authority(&options.data()?.join("tls")).map(Some).map_err(text),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
