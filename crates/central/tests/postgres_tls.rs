//! PostgreSQL over TLS, on a real server with an authority of its own: who is spoken to, who is not,
//! and that nothing goes over the line in the open once TLS is asked for.

mod suite;

use std::{path::{Path, PathBuf}, sync::mpsc, time::Duration};

use gladstone_central::{Engine, EngineError, Postgres, engine::Batch, file_news::Heard, postgres::{Settings, migrate, watch}};
use gladstone_testkit::postgres::{Blocking, Cluster, Line};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use suite::{read, realm, state, write};
use tempfile::TempDir;

/// An authority, with its certificate as a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Authority {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::default());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let file = folder.join(name);
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), file }
    }

    /// Certificate and key of a server, good until the end of a year.
    fn server(&self, name: &str, until: i32) -> (String, String) {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::new(vec![name.to_owned()]).unwrap());
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 12, 31);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A server behind a certificate, and how it is addressed.
struct Scene {
    cluster: Cluster,
    folder: TempDir,
    own: Authority,
    other: Authority,
}

impl Scene {
    fn new(name: &str, until: i32) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let (own, other) = (Authority::new(folder.path(), "own.pem"), Authority::new(folder.path(), "other.pem"));
        let (certificate, key) = own.server(name, until);
        let cluster = Cluster::start_with(Line::Protected(&certificate, &key)).unwrap();
        migrate(&cluster.address("gladstone", "postgres"), &state(folder.path())).unwrap();
        Scene { cluster, folder, own, other }
    }

    /// As a URL or in the words of libpq: both have to say the same.
    fn addresses(&self, host: &str, mode: &str, root: Option<&Authority>) -> [String; 2] {
        let (port, root) = (self.cluster.port().unwrap(), root.map(|root| root.file.display().to_string()));
        let (mode_of_url, mode_of_words) = if mode.is_empty() { (String::new(), String::new()) } else { (format!("?sslmode={mode}"), format!(" sslmode={mode}")) };
        let url = format!("postgres://gladstone_app@{host}:{port}/postgres{mode_of_url}{}", root.as_ref().map(|root| format!("&sslrootcert={root}")).unwrap_or_default());
        [url, format!("host={host} port={port} user=gladstone_app dbname=postgres{mode_of_words}{}", root.map(|root| format!(" sslrootcert='{root}'")).unwrap_or_default())]
    }

    fn open(&self, address: &str) -> Result<Postgres, EngineError> {
        Postgres::open(&Settings { connections: 2, ..Settings::new(address, &state(self.folder.path())) })
    }

    fn check(&self, host: &str, mode: &str, root: Option<&Authority>, refused: Option<&str>) {
        for address in self.addresses(host, mode, root) {
            match (self.open(&address), refused) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{address}: {error}"),
                (Ok(_), Some(words)) => panic!("{address}: opened, and should be refused because of “{words}”"),
                (Err(error), None) => panic!("{address}: {error}"),
            }
        }
    }
}

#[test]
fn only_the_right_server_is_spoken_to() {
    let scene = Scene::new("localhost", 2049);
    let (own, other) = (Some(&scene.own), Some(&scene.other));
    scene.check("localhost", "verify-full", own, None);
    scene.check("localhost", "verify-full", other, Some("certificate"));
    scene.check("127.0.0.1", "verify-full", own, Some("certificate"));
    scene.check("localhost", "verify-ca", own, None);
    scene.check("localhost", "verify-ca", other, Some("certificate"));
    scene.check("127.0.0.1", "verify-ca", own, None);
    scene.check("localhost", "require", None, None);
    scene.check("localhost", "require", other, Some("certificate"));
    // The server takes nobody in the open.
    scene.check("localhost", "disable", None, Some("no encryption"));
    scene.check("localhost", "", None, Some("no encryption"));
}

#[test]
fn a_certificate_that_ran_out_is_refused_whatever_its_name() {
    let scene = Scene::new("localhost", 2021);
    scene.check("localhost", "verify-full", Some(&scene.own), Some("certificate"));
    scene.check("localhost", "verify-ca", Some(&scene.own), Some("certificate"));
}

#[test]
fn a_server_without_tls_is_not_spoken_to_once_tls_is_asked_for() {
    let (cluster, folder) = (Cluster::start_with(Line::Open).unwrap(), tempfile::tempdir().unwrap());
    migrate(&cluster.address("gladstone", "postgres"), &state(folder.path())).unwrap();
    let scene = Scene { own: Authority::new(folder.path(), "own.pem"), other: Authority::new(folder.path(), "other.pem"), cluster, folder };
    scene.check("localhost", "", None, None);
    for (mode, root) in [("require", None), ("verify-ca", Some(&scene.own)), ("verify-full", Some(&scene.own))] {
        scene.check("localhost", mode, root, Some("does not support TLS"));
    }
}

#[test]
fn the_service_works_over_tls_alone_and_hears_what_others_commit() {
    let scene = Scene::new("localhost", 2049);
    let [url, _] = scene.addresses("localhost", "verify-full", Some(&scene.own));
    assert!(migrate(&url.replace("gladstone_app", "gladstone"), &state(scene.folder.path())).unwrap().is_empty(), "an administrator comes over TLS too");
    let engine = scene.open(&url).unwrap();
    let (heard, hears) = mpsc::channel();
    let _watch = watch(&Settings::new(&url, &state(scene.folder.path())), move |realm, g| _ = heard.send((realm, g))).unwrap();
    let new = realm(1);
    engine.found(&new).unwrap();
    let next = || {
        let g = read(&engine, new.id, |shelf| shelf.head().unwrap().g) + 1;
        write(&engine, new.id, |shelf| shelf.save(Batch { g, ..Batch::default() }).unwrap());
        g
    };
    // The one who listens may come a moment later than the first commit.
    let told = (0..40).find_map(|_| {
        let g = next();
        hears.recv_timeout(Duration::from_millis(500)).ok().map(|told| (told, g))
    });
    assert!(told.as_ref().is_some_and(|((told, what), last)| *told == new.id && matches!(what, Heard::Commit(g) if g <= last)), "{told:?}");
    let seen = Blocking::connect(&scene.cluster.address("gladstone", "postgres")).unwrap();
    let lines = seen.query("SELECT s.ssl, coalesce(s.version, '') FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) WHERE a.usename = 'gladstone_app'").unwrap();
    assert!(lines.len() >= 2, "the engine and the one who listens");
    for line in lines {
        assert_eq!((line.get::<_, bool>(0), line.get::<_, &str>(1)), (true, "TLSv1.3"));
    }
}
