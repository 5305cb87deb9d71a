//! Codes, challenges and tokens: made of random numbers, kept as hashes only.

use gladstone_protocol::enrol::to_hex;

use crate::{around::Around, error::CentreError};

/// Domain labels; a change of what is hashed is a new label.
const INVITE_LABEL: &str = "gladstone 2026 invite code v1";
const TOKEN_LABEL: &str = "gladstone 2026 session token v1";
const CHALLENGE_LABEL: &str = "gladstone 2026 session challenge v1";
/// Crockford's digits: none can be taken for another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Digits of a code: 64 bits.
const CODE_LENGTH: usize = 13;

/// A code of 64 random bits, in groups: `7K3M-9Q2X-ABCDE`.
///
/// # Errors
/// [`CentreError::NoRandomness`].
pub(crate) fn new_code(around: &dyn Around) -> Result<String, CentreError> {
    let mut bytes = [0; 8];
    around.random(&mut bytes)?;
    let number = u64::from_be_bytes(bytes);
    let digit = |place: usize| char::from(DIGITS[(number >> (5 * (CODE_LENGTH - 1 - place)) & 31) as usize]);
    Ok((0..CODE_LENGTH).flat_map(|place| (place == 4 || place == 8).then_some('-').into_iter().chain([digit(place)])).collect())
}

/// The hash of a code as somebody typed it: groups, small letters and blanks do not matter, and
/// letters that look like digits count as those. None when it cannot be a code.
pub(crate) fn code_hash(typed: &str) -> Option<[u8; 32]> {
    let mut code = Vec::with_capacity(CODE_LENGTH);
    for character in typed.chars().filter(|character| !character.is_whitespace() && *character != '-') {
        let digit = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let digit = u8::try_from(digit).ok().filter(|digit| DIGITS.contains(digit))?;
        code.push(digit);
    }
    (code.len() == CODE_LENGTH).then(|| hash(INVITE_LABEL, &code))
}

/// A token of 256 random bits in hexadecimal digits.
///
/// # Errors
/// [`CentreError::NoRandomness`].
pub(crate) fn new_token(around: &dyn Around) -> Result<String, CentreError> {
    let mut bytes = [0; 32];
    around.random(&mut bytes)?;
    Ok(to_hex(&bytes))
}

/// The hash of a token.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    hash(TOKEN_LABEL, token.as_bytes())
}

/// The hash of a challenge.
pub(crate) fn challenge_hash(challenge: &[u8; 32]) -> [u8; 32] {
    hash(CHALLENGE_LABEL, challenge)
}

fn hash(label: &str, bytes: &[u8]) -> [u8; 32] {
    blake3::Hasher::new_derive_key(label).update(bytes).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::around::Machine;

    #[test]
    fn a_code_is_known_however_it_is_typed_and_nothing_else_is_one() {
        let code = new_code(&Machine::default()).unwrap();
        assert_eq!(code.len(), CODE_LENGTH + 2, "two hyphens: {code}");
        let known = code_hash(&code);
        assert!(known.is_some(), "{code} is a code");
        assert_eq!(code_hash(&format!("  {} ", code.to_lowercase().replace('-', " "))), known, "small letters and blanks");
        assert_eq!(code_hash("OIL0-0000-00000"), code_hash("011000000000 0"), "letters that look like digits");
        for wrong in ["", "7K3M", "7K3M-9Q2X-ABCDEF", "7K3M-9Q2X-ABCDU", "7K3M-9Q2X-ABCD€"] {
            assert_eq!(code_hash(wrong), None, "“{wrong}” is not a code");
        }
    }
}
