//! What the operator sees: lists, an invitation, the course of an audit.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

use std::{io::{self, IsTerminal}, sync::atomic::Ordering};

use gladstone_model::Instant;
use gladstone_protocol::enrol::to_hex;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use uuid::Uuid;

use super::{service, text};
use crate::{blobs::Blobs, centre::{Centre, DeviceInfo, InviteCode}};

pub(super) fn realms(centre: &Centre) -> Result<(), String> {
    for realm in centre.realms().map_err(text)? {
        let blocked = if realm.blocked { "  older than its witness: run new-epoch" } else { "" };
        println!("{}  {} laptops, commit {}, {} waiting{blocked}  {}", realm.realm, realm.devices, realm.g, realm.held, realm.name);
    }
    Ok(())
}

/// The code, the link, and the link as a picture for a camera.
pub(super) fn invitation(made: &InviteCode, link: &str, quiet: bool) {
    println!("{link}");
    if quiet {
        return;
    }
    println!("\nCode {}, good once and until {}.", made.code, made.expires);
    // A link that is too long for a picture can still be copied.
    if let Ok(picture) = QrCode::with_error_correction_level(link, EcLevel::L) {
        let picture = picture.render::<Dense1x2>().build();
        // Dark on light whatever the terminal's colours: cameras expect that.
        let (on, off) = if io::stdout().is_terminal() { ("\x1b[30;107m", "\x1b[0m") } else { ("", "") };
        println!();
        picture.lines().for_each(|line| println!("{on}{line}{off}"));
    }
}

pub(super) fn devices(devices: &[DeviceInfo]) {
    for device in devices {
        let day = |time: Option<Instant>| time.map_or_else(|| "never".to_owned(), |time| time.to_string());
        let revoked = device.revoked.map_or_else(String::new, |time| format!(", revoked {time}"));
        println!("{}  {} ({})  {} envelopes, last {}{revoked}  {}", device.device, device.name, device.actor, device.envelopes, day(device.seen), device.label);
    }
}

/// Checks everything and names what does not fit; an error when anything does not.
pub(super) fn audit(centre: &Centre, realm: Uuid) -> Result<(), String> {
    let mut progress = |done, of| {
        eprint!("\r{done} of {of} ");
        true
    };
    let report = centre.verify_audit(realm, &mut progress).map_err(text)?;
    eprintln!();
    for fault in &report.faults {
        println!("{} {} {}: {}", fault.device, fault.incarnation, fault.dseq, fault.what);
    }
    println!("{} envelopes in {} chains, {} units", report.entries, report.chains, report.units);
    if report.faults.is_empty() { Ok(()) } else { Err(format!("{} things do not fit.", report.faults.len())) }
}

/// Reads every file and names those that are not as they should be; an error when one is not. A signal
/// ends it.
pub(super) fn files(centre: &Centre, realm: Uuid, files: &Blobs) -> Result<(), String> {
    let ended = service::ended_by_signal()?;
    let mut progress = |done, of| {
        if of > 0 {
            eprint!("\r{done} of {of} ");
        }
        !ended.load(Ordering::Relaxed)
    };
    let report = centre.verify_files(realm, files, &mut progress);
    eprintln!();
    let report = report.map_err(text)?;
    for fault in &report.faults {
        println!("{}: {}  (content {}, {} bytes, record {} of {})", fault.place, fault.what, to_hex(&fault.hash), fault.size, fault.record, fault.unit);
    }
    println!("{} files of {} bytes are what their records say, {} are still to come, {} are named by no record", report.sound, report.bytes, report.awaited, report.unnamed);
    if report.faults.is_empty() { Ok(()) } else { Err(format!("{} files are missing or damaged. Remove what is damaged and put back what a copy holds (`gladstone central move-files --from FOLDER`).", report.faults.len())) }
}
