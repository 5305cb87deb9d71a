//! A screen in memory whose pixels are read straight from Xvfb's framebuffer file, which costs
//! the measured program nothing.

use std::{fs, io::{BufRead, BufReader}, path::{Path, PathBuf}, process::{Child, Command, Stdio}};

use crate::place::text;

/// A running screen.
pub struct Screen {
    server: Child,
    /// Its name, for DISPLAY.
    pub display: String,
    framebuffer: PathBuf,
}

/// What can be seen.
pub struct Picture {
    pixels: Vec<u8>,
}

impl Screen {
    /// Starts a screen on a free display; its framebuffer lies in `folder`.
    ///
    /// # Errors
    /// Xvfb is missing or does not start.
    pub fn start(folder: &Path) -> Result<Screen, String> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x860x24", "-nolisten", "tcp", "-fbdir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb: {error}"))?;
        let out = server.stdout.take().ok_or("Xvfb says nothing")?;
        let mut number = String::new();
        BufReader::new(out).read_line(&mut number).map_err(text)?;
        if number.trim().is_empty() {
            return Err("Xvfb did not start".into());
        }
        Ok(Screen { server, display: format!(":{}", number.trim()), framebuffer: folder.join("Xvfb_screen0") })
    }

    /// The pixels as they are now.
    ///
    /// # Errors
    /// The framebuffer cannot be read or is not in the form of `xwd`.
    pub fn look(&self) -> Result<Picture, String> {
        let bytes = fs::read(&self.framebuffer).map_err(text)?;
        let word = |at: usize| bytes.get(at * 4..at * 4 + 4).and_then(|word| <[u8; 4]>::try_from(word).ok()).map(u32::from_be_bytes).unwrap_or_default() as usize;
        // Header size, bits per pixel, and number of colours of an XWD file, version 7.
        let (header, bits, colours) = (word(0), word(11), word(19));
        if word(1) != 7 || bits != 32 {
            return Err("the framebuffer of Xvfb has another form than expected".into());
        }
        Ok(Picture { pixels: bytes.get(header + colours * 12..).unwrap_or_default().to_vec() })
    }
}

impl Picture {
    /// How many pixels have exactly this colour, 0xRRGGBB.
    pub fn count(&self, colour: u32) -> usize {
        let [_, red, green, blue] = colour.to_be_bytes();
        self.pixels.chunks_exact(4).filter(|pixel| pixel[..3] == [blue, green, red]).count()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A screen that is gone already needs no end.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
