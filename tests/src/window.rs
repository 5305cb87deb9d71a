//! The app in its real window, driven through WebDriver as a person would: by the words on it.

use std::{
    cell::Cell,
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, error::CmdError, key::Key};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::{bus::Bus, display::Display};

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a window runs: its display, its vaults, and where its pictures go.
pub struct Setting {
    display: Display,
    /// What the desktop says goes over this bus.
    pub bus: Bus,
    /// Folder of the vaults; survives the window.
    pub vaults: PathBuf,
    pictures: PathBuf,
    shots: Rc<Cell<u32>>,
    home: tempfile::TempDir,
}

impl Setting {
    /// A fresh computer; pictures go below `artefacts/<name>`.
    ///
    /// # Errors
    /// No display or no disk.
    pub fn new(name: &str) -> Result<Setting, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let pictures = root().join("artefacts").join(name);
        if pictures.exists() {
            fs::remove_dir_all(&pictures).map_err(|error| error.to_string())?;
        }
        fs::create_dir_all(&pictures).map_err(|error| error.to_string())?;
        Ok(Setting { display: Display::start()?, bus: Bus::start()?, vaults: home.path().join("vaults"), pictures, shots: Rc::default(), home })
    }

    /// Files of this computer, the vaults included, that hold a text as it is, in UTF-8 or UTF-16.
    ///
    /// # Errors
    /// What the disk says.
    pub fn files_with(&self, text: &str) -> Result<Vec<PathBuf>, String> {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut folders = vec![self.home.path().to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|error| error.to_string())?.filter_map(Result::ok) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
                    if holds(text.as_bytes()) || holds(&wide) {
                        found.push(path);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Where the webview keeps its own files.
    pub fn webview_data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Where the pictures lie.
    pub fn folder(&self) -> &Path {
        &self.pictures
    }

    /// The pictures taken so far, relative to the folder above theirs, in order.
    ///
    /// # Errors
    /// What the disk says.
    pub fn pictures(&self) -> Result<Vec<String>, String> {
        let folder = self.pictures.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let entries = fs::read_dir(&self.pictures).map_err(|error| error.to_string())?;
        let mut names: Vec<String> = entries.filter_map(Result::ok).map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())).collect();
        names.sort();
        Ok(names)
    }

    /// Starts the app and waits until its first screen is there.
    ///
    /// # Errors
    /// Driver, display or app do not start.
    pub fn open(&self) -> Result<Window, String> {
        let (port, native) = (free_port()?, free_port()?);
        let driver = Command::new(driver_path())
            .args(["--port", &port.to_string(), "--native-port", &native.to_string()])
            .env("DISPLAY", &self.display.name)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address)
            .env("GLADSTONE_VAULTS", &self.vaults)
            .env("GLADSTONE_NO_KEYRING", "1")
            .env("GLADSTONE_KEY_COST", "floor")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_CACHE_HOME", self.home.path().join("cache"))
            .env("LANG", "en_GB.UTF-8")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("tauri-driver does not start: {error}; `cargo xtask test` installs it"))?;
        let driver = Driver { process: driver, vaults: self.vaults.clone() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|error| error.to_string())?;
        wait_for_port(port)?;
        let capabilities = json!({ "tauri:options": { "application": app_path() } });
        let Json::Object(capabilities) = capabilities else { return Err("capabilities are an object".into()) };
        let address = format!("http://127.0.0.1:{port}");
        let connect = || runtime.block_on(ClientBuilder::new(HttpConnector::new()).capabilities(capabilities.clone()).connect(&address)).map_err(|error| format!("no session: {error}"));
        // The driver listens a moment before the program behind it does.
        let client = (0..4).find_map(|_| connect().ok().or_else(|| { std::thread::sleep(Duration::from_millis(500)); None }));
        let client = match client {
            Some(client) => client,
            None => connect()?,
        };
        let window = Window { runtime, client: Some(client), driver, pictures: self.pictures.clone(), display: self.display.name.clone(), shots: Rc::clone(&self.shots) };
        window.wait("//h1")?;
        Ok(window)
    }
}

struct Driver {
    process: Child,
    vaults: PathBuf,
}

impl Driver {
    /// The app that belongs to this driver, found by its vault folder.
    fn app(&self) -> Option<u32> {
        let wanted = format!("GLADSTONE_VAULTS={}", self.vaults.display());
        fs::read_dir("/proc").ok()?.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
            let is_app = fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("gladstone-deskt"));
            is_app && fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|pair| pair == wanted.as_bytes()))
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(pid) = self.app() {
            kill(pid, "-TERM");
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn kill(pid: u32, signal: &str) {
    // A process that is gone needs no signal.
    let _ = Command::new("kill").args([signal, &pid.to_string()]).status();
}

/// The open window.
pub struct Window {
    runtime: Runtime,
    client: Option<Client>,
    driver: Driver,
    pictures: PathBuf,
    display: String,
    shots: Rc<Cell<u32>>,
}

impl Window {
    fn client(&self) -> Result<&Client, String> {
        self.client.as_ref().ok_or_else(|| "the window is closed".into())
    }

    fn run<T>(&self, work: impl Future<Output = Result<T, CmdError>>) -> Result<T, String> {
        self.runtime.block_on(work).map_err(|error| error.to_string())
    }

    /// Waits until an element is there that the XPath finds.
    ///
    /// # Errors
    /// It does not appear in time; says what the screen shows instead.
    pub fn wait(&self, xpath: &str) -> Result<fantoccini::elements::Element, String> {
        let client = self.client()?;
        let found = again(|| {
            let found = self.runtime.block_on(client.wait().at_most(PATIENCE).every(Duration::from_millis(40)).for_element(Locator::XPath(xpath)));
            found.map_err(|error| error.to_string())
        });
        found.map_err(|error| format!("not there: {xpath} ({error}). The screen shows:\n{}", self.text().unwrap_or_default()))
    }

    /// Waits until the words stand on the screen.
    ///
    /// # Errors
    /// They do not appear.
    pub fn see(&self, words: &str) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let text = self.text().unwrap_or_default();
            if text.contains(words) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("“{words}” does not appear. The screen shows:\n{text}"));
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// All words on the screen.
    ///
    /// # Errors
    /// The window is gone.
    pub fn text(&self) -> Result<String, String> {
        let value = self.script("return document.body.innerText")?;
        Ok(value.as_str().unwrap_or_default().replace('\u{a0}', " "))
    }

    /// Runs a script in the window and returns what it returns.
    ///
    /// # Errors
    /// The script throws.
    pub fn script(&self, script: &str) -> Result<Json, String> {
        let client = self.client()?;
        self.run(client.execute(script, Vec::new()))
    }

    /// Clicks the button, link or choice with these words.
    ///
    /// # Errors
    /// There is none, or it cannot be clicked.
    pub fn click(&self, words: &str) -> Result<(), String> {
        let words = quoted(words);
        self.click_at(&format!("(//*[self::button or self::a or self::label or @role='radio' or @role='option'][contains(normalize-space(.), {words}) or contains(@aria-label, {words})])[last()]"))
    }

    /// Goes to a place by the navigation.
    ///
    /// # Errors
    /// There is no such place.
    pub fn navigate(&self, words: &str) -> Result<(), String> {
        let words = quoted(words);
        self.click_at(&format!("//nav//a[contains(normalize-space(.), {words})]"))
    }

    /// Clicks what the XPath finds.
    ///
    /// # Errors
    /// There is nothing.
    pub fn click_at(&self, xpath: &str) -> Result<(), String> {
        again(|| {
            let element = self.wait(xpath)?;
            self.come_to_rest(&element)?;
            self.run(element.click())
        })
    }

    /// Waits until an element stays where it is: a click goes to a place, and whatever has moved there
    /// meanwhile would get it.
    fn come_to_rest(&self, element: &fantoccini::elements::Element) -> Result<(), String> {
        let client = self.client()?;
        let element = serde_json::to_value(element).map_err(|error| error.to_string())?;
        let place = || self.run(client.execute("arguments[0].scrollIntoView({block:'nearest',inline:'nearest'});const b=arguments[0].getBoundingClientRect();return [b.x,b.y,b.width,b.height]", vec![element.clone()]));
        let begun = Instant::now();
        let mut before = place()?;
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let now = place()?;
            if now == before || begun.elapsed() > Duration::from_secs(2) {
                return Ok(());
            }
            before = now;
        }
    }

    /// Types into the field with this label.
    ///
    /// # Errors
    /// There is no such field.
    pub fn fill(&self, label: &str, text: &str) -> Result<(), String> {
        let label = quoted(label);
        let field = format!("//*[@id=//label[contains(normalize-space(.), {label})]/@for] | //input[contains(@aria-label, {label})]");
        self.click_at(&field)?;
        let value = || -> Result<String, String> {
            let element = self.wait(&field)?;
            Ok(self.run(element.prop("value"))?.unwrap_or_default())
        };
        let before = again(value)?;
        for _ in 0..3 {
            again(|| {
                let element = self.wait(&field)?;
                self.run(element.send_keys(text))
            })?;
            // A field that was drawn anew between two keys has lost some: all of it once more, in the place of what is there.
            if again(value)? == format!("{before}{text}") || !self.lost_some(&field, &before, text)? {
                return Ok(());
            }
            self.script("document.activeElement.select && document.activeElement.select()")?;
            if !before.is_empty() {
                self.keys(&before)?;
            }
        }
        Err(format!("“{label}” does not keep what is typed"))
    }

    /// Whether what stands in a field is only some of what was typed, after a moment for the rest to be drawn.
    fn lost_some(&self, field: &str, before: &str, text: &str) -> Result<bool, String> {
        std::thread::sleep(Duration::from_millis(200));
        let element = self.wait(field)?;
        let now = self.run(element.prop("value"))?.unwrap_or_default();
        let typed = format!("{before}{text}");
        let mut rest = typed.chars();
        Ok(now != typed && now.chars().count() < typed.chars().count() && now.chars().all(|one| rest.any(|other| other == one)))
    }

    /// Presses keys where the focus is.
    ///
    /// # Errors
    /// Nothing has the focus.
    pub fn keys(&self, keys: &str) -> Result<(), String> {
        let client = self.client()?;
        again(|| {
            self.runtime.block_on(async {
                let element = client.active_element().await?;
                element.send_keys(keys).await
            }).map_err(|error: CmdError| error.to_string())
        })
    }

    /// Presses one named key.
    ///
    /// # Errors
    /// Nothing has the focus.
    pub fn key(&self, key: Key) -> Result<(), String> {
        self.keys(&String::from(char::from(key)))
    }

    /// Presses a key together with Control.
    ///
    /// # Errors
    /// Nothing has the focus.
    pub fn control(&self, key: char) -> Result<(), String> {
        self.keys(&format!("{}{key}{}", char::from(Key::Control), char::from(Key::Null)))
    }

    /// What has the focus, by its words or label.
    ///
    /// # Errors
    /// The window is gone.
    pub fn focused(&self) -> Result<String, String> {
        let value = self.script("const e = document.activeElement; return e === document.body ? '' : (e.getAttribute('aria-label') || (e.labels && e.labels[0] && e.labels[0].innerText) || e.innerText || '').trim()")?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Makes the window so many pixels wide and high.
    ///
    /// # Errors
    /// The driver does not answer.
    pub fn resize(&self, width: u32, height: u32) -> Result<(), String> {
        let client = self.client()?;
        self.run(client.set_window_size(width, height))
    }

    /// Takes a picture; its name begins with its number.
    ///
    /// # Errors
    /// It cannot be taken or written.
    pub fn shot(&mut self, name: &str) -> Result<PathBuf, String> {
        std::thread::sleep(Duration::from_millis(150));
        self.shots.set(self.shots.get() + 1);
        let path = self.pictures.join(format!("{:02}-{name}.png", self.shots.get()));
        // From the screen itself: the driver's own picture waits for a frame that a still page never draws.
        // A window that goes away in this very moment spoils a picture, so a few are tried.
        for _ in 0..3 {
            let taken = Command::new("import").args(["-display", &self.display, "-window", "root"]).arg(&path).status();
            if taken.is_ok_and(|status| status.success()) {
                return Ok(path);
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        Err("no picture; ImageMagick takes them, with its program import".into())
    }

    /// Ends the app without warning, as an empty battery would.
    ///
    /// # Errors
    /// It is not running.
    pub fn pull_the_plug(mut self) -> Result<(), String> {
        let pid = self.driver.app().ok_or("the app is not running")?;
        kill(pid, "-KILL");
        self.client = None;
        Ok(())
    }

    /// Closes the window as a person does.
    ///
    /// # Errors
    /// The driver does not answer.
    pub fn close(mut self) -> Result<(), String> {
        let Some(client) = self.client.take() else { return Ok(()) };
        self.run(client.close())
    }
}

/// Does something to an element once more when the screen was drawn anew between finding and using it,
/// which what a laptop hears or saves may do at any moment. Nothing was done then: the driver looks the
/// element up before it presses a key or a button, and what it presses after that goes to the window and
/// can no longer fail for want of the element. So nothing is typed or clicked twice.
fn again<T>(mut action: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let mut tries = 0;
    loop {
        match action() {
            Err(why) if tries < 5 && (why.contains("Node with identifier") || why.contains("stale")) => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(40));
            }
            done => return done,
        }
    }
}

fn quoted(words: &str) -> String {
    if words.contains('\'') { format!("\"{words}\"") } else { format!("'{words}'") }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn app_path() -> PathBuf {
    target().join("debug/gladstone-desktop")
}

fn driver_path() -> PathBuf {
    std::env::var_os("GLADSTONE_TAURI_DRIVER").map_or_else(|| target().join("tools/bin/tauri-driver"), PathBuf::from)
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn wait_for_port(port: u16) -> Result<(), String> {
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if begun.elapsed() > PATIENCE {
            return Err("the driver does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    Ok(())
}
