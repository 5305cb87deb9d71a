//! A disk without room: adding a file says so, leaves nothing over, and works once there is room.

use std::process::{Command, Stdio};

use gladstone_testkit::{Laptop, reexec};
use gladstone_vault::VaultError;
use uuid::Uuid;

use crate::{attach, bytes, hash, lying, person, whole};

#[test]
fn a_full_disk_refuses_a_file_and_leaves_nothing_over() {
    const NAME: &str = "full_disk::a_full_disk_refuses_a_file_and_leaves_nothing_over";
    if reexec::part().is_some() {
        // No file of this process may grow beyond 4 MiB; the vault itself stays below.
        let laptop = Laptop::new(1, Uuid::from_u128(7));
        let person = person(&laptop.vault);
        for size in [6_000_000, 4_300_000, 4_194_304] {
            let refused = attach(&laptop.vault, person, "a.pdf", &bytes(1, size)).unwrap_err();
            assert!(matches!(refused, VaultError::Store(gladstone_store::StoreError::DiskFull)), "{size}: {refused}");
            assert_eq!((lying(&laptop.vault), laptop.count("SELECT count(*) FROM attachments")), (vec![], 0), "{size}");
        }
        let content = bytes(1, 4_000_000);
        attach(&laptop.vault, person, "a.pdf", &content).unwrap();
        assert_eq!(whole(&laptop.vault, &hash(&content)), content, "what fits is taken");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let own = reexec::again(NAME, folder.path());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\"").arg(own.get_program()).args(own.get_args());
    own.get_envs().for_each(|(name, value)| _ = value.map(|value| shell.env(name, value)));
    reexec::finish(shell.stdin(Stdio::null()));
}
