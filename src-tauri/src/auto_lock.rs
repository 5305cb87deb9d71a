//! Locks the vault when nobody was there for as long as the person chose.

use std::{sync::Arc, time::Duration};

use gladstone_desk::Desk;
use serde_json::json;

/// Watches from a thread of its own until the process ends.
pub fn watch(desk: Arc<Desk>) {
    let spawned = std::thread::Builder::new().name("auto-lock".into()).spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(2));
            let Ok(settings) = desk.run("settings.get", json!({})) else { continue };
            let minutes = settings["lock_minutes"].as_i64().unwrap_or(5);
            if desk.idle_seconds() >= minutes * 60 && desk.jobs.progress().is_none() {
                // A failure to fold the log leaves the vault locked and whole; the next unlock says more.
                let _ = desk.lock();
            }
        }
    });
    // Without the thread the vault would stay open; better not to start at all.
    if spawned.is_err() {
        std::process::exit(1);
    }
}
