//! An invitation as a picture: the QR code that whoever invites prints or sends. The screen opens the
//! picture and hands over brightness only; no image format is read here.

use base64::Engine;
use gladstone_sync::JoinLink;
use rqrr::PreparedImage;

use super::wire;
use crate::{desk::Desk, error::DeskError};

/// Longest side of a picture, in points.
const LONGEST: u32 = 4_096;
/// Every point, every second one, every third one: a code that fills the picture of a good camera is
/// found better when it is smaller.
const STEPS: [usize; 3] = [1, 2, 3];

wire! {
    /// A picture without colours.
    pub struct PictureRequest {
        /// Points in a line, 1 to 4096.
        pub width: u32,
        /// Lines, 1 to 4096.
        pub height: u32,
        /// Brightness of each point, line by line, 0 black to 255 white; as base64.
        pub grey: String,
    }

    /// What a picture holds.
    pub struct PictureRead {
        /// The link of the invitation.
        pub link: String,
    }
}

/// See the command list.
///
/// # Errors
/// No invitation is found in the picture, or its size is not what it says.
pub fn read(_: &Desk, request: PictureRequest) -> Result<PictureRead, DeskError> {
    let grey = base64::engine::general_purpose::STANDARD.decode(&request.grey).unwrap_or_default();
    let sides = [request.width, request.height];
    let fits = sides.iter().all(|side| (1..=LONGEST).contains(side)) && grey.len() as u64 == u64::from(request.width) * u64::from(request.height);
    let found = if fits { texts(&grey, request.width as usize, request.height as usize) } else { Vec::new() };
    let is_link = |text: &String| JoinLink::parse(text.trim()).is_ok();
    match found.iter().find(|text| is_link(text)) {
        Some(link) => Ok(PictureRead { link: link.trim().to_owned() }),
        None if found.is_empty() => Err(DeskError::field("link", "No QR code was found in this picture. Take it again, straight on and in good light, or paste the link.")),
        None => Err(DeskError::field("link", "The QR code in this picture is not an invitation to a centre.")),
    }
}

/// What the codes in a picture say.
fn texts(grey: &[u8], width: usize, height: usize) -> Vec<String> {
    let at = |step: usize| {
        let mut picture = PreparedImage::prepare_from_greyscale(width / step, height / step, |x, y| grey.get(y * step * width + x * step).copied().unwrap_or(255));
        picture.detect_grids().iter().filter_map(|grid| grid.decode().ok().map(|(_, text)| text)).collect::<Vec<_>>()
    };
    STEPS.into_iter().filter(|step| width / step > 20 && height / step > 20).map(at).find(|texts| !texts.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use qrcode::{Color, EcLevel, QrCode};

    use super::*;

    /// A code as a camera sees it: on a grey table, not quite black and white, each module so many points.
    fn picture(text: &str, module: usize) -> (Vec<u8>, usize) {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
        let side = (code.width() + 12) * module;
        let shade = |x: usize, y: usize| match ((x / module).checked_sub(6), (y / module).checked_sub(6)) {
            (Some(x), Some(y)) if x < code.width() && y < code.width() => if code[(x, y)] == Color::Dark { 40 } else { 215 },
            (Some(x), Some(y)) if x <= code.width() + 3 && y <= code.width() + 3 => 215,
            _ => 205,
        };
        ((0..side * side).map(|at| shade(at % side, at / side)).collect(), side)
    }

    #[test]
    fn a_code_is_found_whatever_its_size_and_another_one_is_told_apart() {
        let link = format!("gladstone://join?url=https%3A%2F%2Fcentre.example%3A8470&code=ABCD-EFGH-JKMN&ca={}", "A".repeat(560));
        for module in [3, 5, 11] {
            let (grey, side) = picture(&link, module);
            assert_eq!(texts(&grey, side, side), [link.as_str()], "{module} points a module");
        }
        assert_eq!(texts(&vec![200; 90_000], 300, 300), Vec::<String>::new(), "an empty table");
        let (grey, side) = picture("https://example.org", 4);
        assert_eq!(texts(&grey, side, side), ["https://example.org"]);
        assert!(JoinLink::parse("https://example.org").is_err(), "and that is no invitation");
    }
}
