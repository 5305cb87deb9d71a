//! The real window of the release build: how long until it is painted and until one can type
//! the passphrase, and how much memory it takes.

use std::{fs, path::Path, process::{Child, Command, Stdio}, thread::sleep, time::{Duration, Instant}};

use crate::{
    place::{Place, open_desk, text},
    report::{Line, Report, Samples, Target},
    screen::Screen,
};

/// Times the window is started.
const STARTS: u32 = 7;
/// The ground of the screen.
const GROUND: u32 = 0x00FA_F7F1;
/// The ring around whatever has the focus; it is drawn around the passphrase when one can type.
const RING: u32 = 0x00F0_B93A;
/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures start and memory; says so and goes on when there is no release build or no Xvfb.
///
/// # Errors
/// The window does not paint or shows no field.
pub fn measure(place: &Place, target: &Path, report: &mut Report) -> Result<(), String> {
    println!("\nthe window");
    let program = std::path::absolute(target.join("release/gladstone-desktop")).map_err(text)?;
    if !program.exists() {
        println!("  left out: the release build of the window is missing (`cargo xtask bench` builds it)");
        return Ok(());
    }
    let folder = place.fresh("window")?;
    let (desk, _) = open_desk(&folder.join("vaults"))?;
    desk.lock().map_err(|error| error.message)?;
    let screen_folder = place.fresh("screen")?;
    let (mut painted, mut ready, mut memory) = (Samples::default(), Samples::default(), Samples::default());
    for number in 0..=STARTS {
        let screen = Screen::start(&screen_folder)?;
        let start = Instant::now();
        let mut window = Window::start(&program, &folder, &screen.display)?;
        let at_paint = until(start, || Ok(screen.look()?.count(GROUND) > 100_000)).map_err(|why| format!("painting: {why}"))?;
        let at_field = until(start, || Ok(screen.look()?.count(RING) > 200)).map_err(|why| format!("the passphrase field: {why}"))?;
        // The first start reads the program from the disk; it is shown by itself.
        if number == 0 {
            println!("  first start: painted after {} ms, field after {} ms", at_paint.as_millis(), at_field.as_millis());
        } else {
            painted.push_ms(at_paint);
            ready.push_ms(at_field);
        }
        if number < 3 {
            sleep(Duration::from_secs(10).saturating_sub(start.elapsed()));
            memory.push(tree_pss(window.0.id())?);
        }
        window.end();
    }
    report.add(Line::new("start of the window to painted", "ms", &painted, Target::Median(500.0)));
    report.add(Line::new("start of the window to the passphrase field", "ms", &ready, Target::Median(1_000.0)));
    report.add(Line::new("memory of all its processes, idle after 10 s (PSS)", "MB", &memory, Target::Median(260.0)));
    Ok(())
}

struct Window(Child);

impl Window {
    fn start(program: &Path, folder: &Path, display: &str) -> Result<Window, String> {
        let home = folder.join("home");
        fs::create_dir_all(&home).map_err(text)?;
        let child = Command::new(program)
            .env("DISPLAY", display)
            .env_remove("WAYLAND_DISPLAY")
            .env("HOME", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("GLADSTONE_VAULTS", folder.join("vaults"))
            .env("GLADSTONE_NO_KEYRING", "1")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Window(child))
    }

    fn end(&mut self) {
        // Whatever is gone already needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end();
    }
}

/// Looks every few milliseconds until it is so, and says after how long.
fn until(start: Instant, mut so: impl FnMut() -> Result<bool, String>) -> Result<Duration, String> {
    loop {
        if so()? {
            return Ok(start.elapsed());
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("not within {} s", PATIENCE.as_secs()));
        }
        sleep(Duration::from_millis(8));
    }
}

/// Proportional memory of a process and everything below it, in MB.
fn tree_pss(root: u32) -> Result<f64, String> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").map_err(text)?.flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name may hold blanks; what follows its bracket does not.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (process, parent)));
    }
    let mut tree = vec![root];
    let mut at = 0;
    while let Some(process) = tree.get(at).copied() {
        tree.extend(parents.iter().filter(|(_, parent)| *parent == process).map(|(child, _)| *child));
        at += 1;
    }
    let mut kib = 0_u64;
    for process in &tree {
        let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        kib += text.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or_default();
    }
    println!("  {} processes, {} MB", tree.len(), kib / 1024);
    Ok(kib as f64 / 1024.0)
}
