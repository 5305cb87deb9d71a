//! Facts about the machine, so that figures can be read later.

use std::{fs, path::Path};

/// Cores, processor, memory, filesystem, kernel and load, in one line.
pub fn facts(place: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = line_of("/proc/meminfo", "MemTotal").and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).map_or_else(|| "?".into(), |kib| (kib / 1_048_576 + 1).to_string());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").ok().and_then(|text| Some(text.split_whitespace().next()?.to_owned())).unwrap_or_default();
    format!("{cores} cores, {cpu}, {memory} GB memory, {}, Linux {}, load {load}", filesystem(place), kernel.trim())
}

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the filesystem under `place`: that of the longest mount point above it.
fn filesystem(place: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let above = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        place.starts_with(at).then_some((at.len(), kind))
    });
    above.max_by_key(|(length, _)| *length).map_or_else(|| "unknown filesystem".into(), |(_, kind)| kind.to_owned())
}
