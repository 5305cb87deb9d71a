//! A centre in a process of its own, for tests that kill it: the same test, run once more.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
};

use gladstone_central::http::{Server, Settings};
use gladstone_sync::{Address, HttpCentre};
use gladstone_testkit::{contents::bytes, reexec};

use super::{Site, files::moved, open, sign_in};

/// This process is a centre over the store in a folder, until it is killed.
pub fn serve(folder: &Path, settings: &Settings) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (server, ready) = Server::bind(open(folder), settings, ([127, 0, 0, 1], 0).into(), None).await.unwrap();
        reexec::say(format_args!("listens http://{}", ready.address));
        server.run(std::future::pending()).await;
    });
}

/// A process that serves.
pub struct Process {
    child: Child,
    address: Address,
}

impl Process {
    /// Runs a command that comes to [`serve`], and waits until it listens.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listens ").map(str::to_owned)).expect("the centre listens");
        // What it says later must not stop it.
        thread::spawn(move || lines.for_each(drop));
        Process { child, address: Address::parse(&address).unwrap() }
    }

    pub fn client(&self) -> HttpCentre {
        HttpCentre::new(self.address.clone(), None).unwrap()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Files of 2 MB go from one laptop to the centre and on to another one, while the centre is killed again and
/// again. `test` comes to [`serve`] in the site's folder; `kill` waits and kills it, and is told how often that
/// was done before.
pub fn files_go_on(site: Site, test: &str, files: u64, mut kill: impl FnMut(u64, &mut Process) + Send) {
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let files: Vec<Vec<u8>> = (0..files).map(|seed| bytes(seed, 2_000_000)).collect();
    for content in &files {
        a.attach(person, content);
    }
    site.sync(&a).unwrap();
    site.sync(&b).unwrap();
    let folder = site.folder;
    drop(Arc::try_unwrap(site.centre).ok().expect("nobody else holds the centre"));
    for laptop in [&a, &b] {
        let (mut kills, mut done) = (0, 0);
        while done < files.len() {
            let mut process = Process::start(&mut reexec::again(test, folder.path()));
            let client = process.client();
            let signed = sign_in(&client, laptop);
            thread::scope(|scope| {
                scope.spawn(|| kill(kills, &mut process));
                if signed.is_ok() {
                    let moved = moved(laptop, &client);
                    done += moved.sent + moved.fetched;
                }
            });
            kills += 1;
            assert!(kills < 100, "it comes to its end");
        }
        assert!(kills > 2, "the kills were felt: {kills}");
        for content in &files {
            assert!(laptop.has_file(content));
        }
    }
}
