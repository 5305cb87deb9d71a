//! A PostgreSQL of our own for tests: started empty, reached through a socket in its own folder (or
//! over TCP, with TLS or without), gone when it is dropped, even when the test panics or is killed. Knows nothing of the schema
//! but the folder in which its migrations lie.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

pub use tokio_postgres::Row;

/// Keeps one cluster: makes it, says so, and takes it down when its input ends, which it does when
/// the test lets go of it, however the test ends.
const KEEPER: &str = r#"
set -e
{
    "$bin/initdb" -D data -U gladstone -A trust -E UTF8 --locale=C --no-sync --no-instructions
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$folder'" "timezone = 'UTC'" \
        >> data/postgresql.conf
    if [ -z "$durable" ]; then printf '%s\n' 'fsync = off' 'full_page_writes = off' 'synchronous_commit = off' 'shared_buffers = 32MB' >> data/postgresql.conf; fi
    if [ -n "$port" ]; then printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $port" >> data/postgresql.conf; fi
    if [ -f server.key ]; then
        for file in server.crt server.key; do (umask 077 && cat "$file" > "data/$file"); done
        printf '%s\n' 'ssl = on' "ssl_cert_file = 'server.crt'" "ssl_key_file = 'server.key'" >> data/postgresql.conf
        printf '%s\n' 'local all all trust' 'hostssl all all 127.0.0.1/32 trust' > data/pg_hba.conf
    fi
    "$bin/pg_ctl" -D data -l server.log -w -t 60 start
} > start.log 2>&1 < /dev/null
echo ready
read -r _ || true
"$bin/pg_ctl" -D data -m immediate -w -t 20 stop > /dev/null 2>&1 < /dev/null || true
cd / && rm -rf -- "$folder"
"#;

/// Longest folder whose socket still has a name that the system takes (107 bytes).
const LONGEST_FOLDER: usize = 90;

/// A running PostgreSQL with nothing in it.
pub struct Cluster {
    keeper: Child,
    folder: TempDir,
    port: Option<u16>,
}

/// How a cluster is reached besides its socket.
#[derive(Clone, Copy)]
pub enum Line<'a> {
    /// Not at all.
    None,
    /// Over TCP on this machine, open.
    Open,
    /// Over TCP on this machine, with TLS and in no other way: certificate chain and key in PEM.
    Protected(&'a str, &'a str),
}

impl Cluster {
    /// Starts a cluster of the newest PostgreSQL of this machine. Takes about a second.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start; the message holds what it said.
    pub fn start() -> Result<Cluster, String> {
        Cluster::start_with(Line::None)
    }

    /// As [`Cluster::start`], with the settings that PostgreSQL comes with: what is committed is durable, and it
    /// has as much memory as usual. Tests do without.
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub fn start_as_it_comes() -> Result<Cluster, String> {
        Cluster::run(Line::None, true)
    }

    /// As [`Cluster::start`], reached in another way too.
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub fn start_with(line: Line<'_>) -> Result<Cluster, String> {
        Cluster::run(line, false)
    }

    fn run(line: Line<'_>, durable: bool) -> Result<Cluster, String> {
        let bin = binaries()?;
        let folder = folder().map_err(|error| format!("no folder for PostgreSQL: {error}"))?;
        let port = if let Line::None = line { None } else { Some(free_port().map_err(|error| error.to_string())?) };
        if let Line::Protected(certificate, key) = line {
            for (name, text) in [("server.crt", certificate), ("server.key", key)] {
                fs::write(folder.path().join(name), text).map_err(|error| format!("{name}: {error}"))?;
            }
        }
        let mut keeper = unprivileged(folder.path())?
            .args(["sh", "-c", KEEPER])
            .env("bin", bin)
            .env("folder", folder.path())
            .env("port", port.map(|port| port.to_string()).unwrap_or_default())
            .env("durable", if durable { "yes" } else { "" })
            .env("LC_ALL", "C")
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("PostgreSQL cannot be started: {error}"))?;
        let mut said = String::new();
        if let Some(out) = keeper.stdout.take() {
            BufReader::new(out).read_line(&mut said).map_err(|error| error.to_string())?;
        }
        let log = ["start.log", "server.log"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap_or_default());
        let cluster = Cluster { keeper, folder, port };
        if said.trim() == "ready" { Ok(cluster) } else { Err(format!("PostgreSQL did not start:\n{}", log.join("\n"))) }
    }

    /// How clients reach it: parameters as libpq and tokio-postgres read them.
    pub fn connection_string(&self) -> String {
        self.address("gladstone", "postgres")
    }

    /// How somebody else reaches another database of it. Every role gets in without a password.
    pub fn address(&self, role: &str, database: &str) -> String {
        let port = self.port.map(|port| format!(" port={port}")).unwrap_or_default();
        format!("host={} user={role} dbname={database}{port}", self.folder.path().display())
    }

    /// The port on 127.0.0.1; none when it has only its socket.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// A connection that lives on the current Tokio runtime.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn connect(&self) -> Result<Client, String> {
        let (client, connection) = tokio_postgres::connect(&self.connection_string(), NoTls).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper ends by itself; there is nobody left to tell how.
        let _ = self.keeper.wait();
    }
}

/// A connection for tests that wait: each call ends when PostgreSQL has answered.
pub struct Blocking {
    runtime: Runtime,
    client: Client,
}

impl Blocking {
    /// Connects to an address as [`Cluster::address`] gives it.
    ///
    /// # Errors
    /// What PostgreSQL or the system says.
    pub fn connect(address: &str) -> Result<Blocking, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(address, NoTls).await.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            Ok::<Client, String>(client)
        })?;
        Ok(Blocking { runtime, client })
    }

    /// The rows of a query without parameters.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn query(&self, sql: &str) -> Result<Vec<Row>, String> {
        self.runtime.block_on(self.client.query(sql, &[])).map_err(|error| format!("{sql}: {error:?}"))
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn run(&self, sql: &str) -> Result<(), String> {
        self.runtime.block_on(self.client.batch_execute(sql)).map_err(|error| format!("{sql}: {error:?}"))
    }
}

/// Applies every step in `migrations/postgres`, in the order of their numbers.
///
/// # Errors
/// A step that cannot be read, or what PostgreSQL says, with the name of the step.
pub async fn migrate(client: &Client) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut steps = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix('V').and_then(|rest| rest.split_once("__")).and_then(|(number, _)| number.parse::<u32>().ok());
        steps.push((number.ok_or_else(|| format!("{name} is not named like V1__what.sql"))?, name));
    }
    steps.sort();
    for (_, name) in steps {
        let sql = fs::read_to_string(folder.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        client.batch_execute(&sql).await.map_err(|error| format!("{name}: {error:?}"))?;
    }
    Ok(())
}

/// A port that nobody has at this moment.
fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The folder of the newest `postgres`, where Debian puts it.
fn binaries() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<(u32, PathBuf)> = versions.filter_map(|path| Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))).filter(|(_, bin)| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).ok_or_else(|| "PostgreSQL is not installed; on Debian: apt-get install postgresql-15".into())
}

fn folder() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("gladstone-pg-");
    let folder = builder.tempdir()?;
    if folder.path().as_os_str().len() > LONGEST_FOLDER { builder.tempdir_in("/tmp") } else { Ok(folder) }
}

/// A command line to which a program is added. PostgreSQL refuses to run as root, so there it runs
/// as somebody else, who is given the folder.
fn unprivileged(folder: &Path) -> Result<Command, String> {
    let root = fs::metadata(folder).map_err(|error| error.to_string())?.uid() == 0;
    if !root {
        return Ok(Command::new("env"));
    }
    let (user, group) = ["postgres", "nobody"].into_iter().find_map(|name| Some((id("-u", name)?, id("-g", name)?))).ok_or("neither postgres nor nobody is a user of this machine")?;
    chown(folder, Some(user), Some(group)).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]);
    Ok(command)
}

fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{env, panic, process::Command, thread, time::Duration};

    use super::*;

    const VICTIM: &str = "GLADSTONE_CLUSTER_OF_A_VICTIM";

    fn server(folder: &Path) -> PathBuf {
        let pid = fs::read_to_string(folder.join("data/postmaster.pid")).expect("a running server leaves its number");
        Path::new("/proc").join(pid.lines().next().expect("the number stands first"))
    }

    fn check_gone(folder: &Path, server: &Path, when: &str) {
        for _ in 0..100 {
            if !folder.exists() && !server.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{when}: the folder is {}, the server is {}", if folder.exists() { "there" } else { "gone" }, if server.exists() { "running" } else { "gone" });
    }

    #[test]
    fn a_panic_takes_the_cluster_down() {
        let mut seen = None;
        let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let cluster = Cluster::start().expect("a cluster");
            seen = Some((cluster.folder.path().to_owned(), server(cluster.folder.path())));
            panic!("on purpose");
        }));
        assert!(result.is_err(), "the closure panics");
        let (folder, server) = seen.expect("the cluster had started");
        check_gone(&folder, &server, "after a panic");
    }

    #[test]
    fn the_death_of_the_test_takes_the_cluster_down() {
        if let Some(note) = env::var_os(VICTIM) {
            let cluster = Cluster::start().expect("a cluster");
            let folder = cluster.folder.path();
            fs::write(note, format!("{}\n{}", folder.display(), server(folder).display())).expect("a note for the witness");
            std::process::abort();
        }
        let place = tempfile::tempdir().expect("a folder");
        let note = place.path().join("note");
        let own = env::current_exe().expect("the path of this test");
        let status = Command::new(own).args(["--exact", "postgres::tests::the_death_of_the_test_takes_the_cluster_down"]).env(VICTIM, &note).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("this test runs again");
        assert!(!status.success(), "the victim dies");
        let note = fs::read_to_string(note).expect("the victim had started its cluster");
        let (folder, server) = note.split_once('\n').expect("two lines");
        check_gone(Path::new(folder), Path::new(server), "after the death of its test");
    }
}
