//! Names and kinds of files that come from anywhere: nothing of a name may mislead or harm, here or
//! where it is saved one day; the kind is told by the content, whatever the name says.

use std::path::{Path, PathBuf};

/// Longest name in bytes: what file systems take, and room for a number.
const LONGEST: usize = 200;
/// Names that are devices on Windows, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A name without folders, control characters, characters that turn the direction of writing, and
/// whatever file systems refuse; never empty.
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control() && !turns_or_hides(*c)).map(|c| if "<>:\"|?*".contains(c) { '_' } else { c }).collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let (stem, ending) = kept.rsplit_once('.').filter(|(stem, ending)| !stem.is_empty() && ending.len() <= 16).map_or((kept, ""), |(stem, ending)| (stem, ending));
    let bare = stem.to_ascii_lowercase();
    let device = DEVICES.iter().any(|device| bare == *device || bare.len() == 4 && bare.starts_with(device) && bare.ends_with(|c: char| c.is_ascii_digit()));
    let stem = if stem.is_empty() { "file" } else { stem };
    let mut short = String::new();
    for c in stem.chars() {
        if short.len() + c.len_utf8() + ending.len() + 2 > LONGEST {
            break;
        }
        short.push(c);
    }
    let short = if device { format!("_{short}") } else { short };
    if ending.is_empty() { short } else { format!("{}.{ending}", short.trim_end()) }
}

/// Marks of direction, joiners and the like: a name must not look like another one.
fn turns_or_hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The kind of a file as its first bytes tell it, at most 100 characters.
pub fn media_type(head: &[u8]) -> String {
    if let Some(kind) = infer::get(head) {
        return kind.mime_type().to_owned();
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        // The first bytes may end in the middle of a letter.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    let is_text = text.is_some_and(|text| !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    if is_text { "text/plain" } else { "application/octet-stream" }.to_owned()
}

/// A path in a folder that is not taken: `report.pdf`, then `report (2).pdf`.
pub fn free(folder: &Path, name: &str) -> PathBuf {
    let (stem, ending) = name.rsplit_once('.').map_or((name, String::new()), |(stem, ending)| (stem, format!(".{ending}")));
    let mut path = folder.join(name);
    let mut number = 2;
    while path.symlink_metadata().is_ok() {
        path = folder.join(format!("{stem} ({number}){ending}"));
        number += 1;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cleaned_of_whatever_misleads_or_harms() {
        let check = |given: &str, cleaned: &str| assert_eq!(clean(given), cleaned, "{given:?}");
        check("report.pdf", "report.pdf");
        check("Bericht März 2026.pdf", "Bericht März 2026.pdf");
        check("/etc/passwd", "passwd");
        check("C:\\Users\\a\\letter.docx", "letter.docx");
        check("../../up.txt", "up.txt");
        check(".bashrc", "bashrc");
        check("a\u{202e}fdp.exe", "afdp.exe");
        check("in\u{200b}visible\u{feff}.txt", "invisible.txt");
        check("two\nlines\t.txt", "twolines.txt");
        check("a<b>:c|d?.txt", "a_b__c_d_.txt");
        check("con.txt", "_con.txt");
        check("COM1", "_COM1");
        check("common.txt", "common.txt");
        check("", "file");
        check("...", "file");
        check("   ", "file");
        check("name.  ", "name");
        check(&format!("{}.pdf", "ü".repeat(300)), &format!("{}.pdf", "ü".repeat(97)));
    }

    #[test]
    fn a_name_that_was_cleaned_stays_as_it_is() {
        for name in ["a.b.c", "con", "x.", ". .x", "\u{202e}", "..a", "a/..", &"y".repeat(400), "a.tar.gz", "_nul.txt", " . b .txt "] {
            let once = clean(name);
            assert_eq!(clean(&once), once, "{name:?}");
            assert!(!once.is_empty() && once.len() <= LONGEST + 1, "{name:?}");
        }
    }

    #[test]
    fn the_kind_is_told_by_the_content() {
        let check = |head: &[u8], kind: &str| assert_eq!(media_type(head), kind);
        check(b"%PDF-1.7\n", "application/pdf");
        check(&[0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0], "image/png");
        check(b"Dear colleague,\n", "text/plain");
        check("März ü".as_bytes(), "text/plain");
        check(&"März ü".as_bytes()[..7], "text/plain");
        check(&[0, 1, 2, 3], "application/octet-stream");
        check(b"", "application/octet-stream");
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.txt", "a (2).txt", "b"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(free(folder.path(), "a.txt"), folder.path().join("a (3).txt"));
        assert_eq!(free(folder.path(), "b"), folder.path().join("b (2)"));
        assert_eq!(free(folder.path(), "c.txt"), folder.path().join("c.txt"));
    }
}
