//! Listens to the computer: when it sleeps, or its own screen is locked, the vault is locked too.

use std::sync::Arc;

use gladstone_desk::Desk;
use zbus::{MatchRule, blocking::{Connection, MessageIterator}, message::Type};

/// A signal after which nobody is in front of the screen: bus, interface, member, and whether its
/// first value must be true.
struct Signal {
    system: bool,
    interface: &'static str,
    member: &'static str,
    when_true: bool,
}

const SIGNALS: [Signal; 4] = [
    Signal { system: true, interface: "org.freedesktop.login1.Manager", member: "PrepareForSleep", when_true: true },
    Signal { system: true, interface: "org.freedesktop.login1.Session", member: "Lock", when_true: false },
    Signal { system: false, interface: "org.freedesktop.ScreenSaver", member: "ActiveChanged", when_true: true },
    Signal { system: false, interface: "org.gnome.ScreenSaver", member: "ActiveChanged", when_true: true },
];

/// Watches from threads of their own until the process ends. A computer without these services is
/// no error: the automatic lock after minutes without activity stands.
pub fn watch(desk: &Arc<Desk>) {
    for signal in SIGNALS {
        let desk = Arc::clone(desk);
        let name = format!("watch-{}", signal.member);
        let spawned = std::thread::Builder::new().name(name).spawn(move || listen(&desk, &signal));
        // Without the thread there is still the automatic lock.
        drop(spawned);
    }
}

fn listen(desk: &Desk, signal: &Signal) -> Option<()> {
    let connection = if signal.system { Connection::system() } else { Connection::session() }.ok()?;
    let rule = MatchRule::builder().msg_type(Type::Signal).interface(signal.interface).ok()?.member(signal.member).ok()?.build();
    for message in MessageIterator::for_match_rule(rule, &connection, None).ok()? {
        let gone = !signal.when_true || message.ok()?.body().deserialize::<bool>().unwrap_or(true);
        if gone && desk.session().is_some() {
            // Locked and whole even if folding the log fails; the next unlock says more.
            let _ = desk.lock();
        }
    }
    Some(())
}
