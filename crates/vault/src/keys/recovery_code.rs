//! The recovery code: 160 random bits in Crockford's base 32, eight groups of four and a group
//! of four check characters. Reading forgives case, spaces, hyphens, O for 0, and I or L for 1.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeyError, random};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The secret behind a printed code.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode([u8; 20]);

impl RecoveryCode {
    /// A new code.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<RecoveryCode, KeyError> {
        Ok(RecoveryCode(random()?))
    }

    /// The 20 bytes.
    pub(super) fn secret(&self) -> &[u8] {
        &self.0
    }

    /// Nine groups of four with hyphens between them.
    pub fn to_text(&self) -> Zeroizing<String> {
        let digits = self.digits();
        let mut text = Zeroizing::new(String::with_capacity(44));
        for (group, chunk) in digits.chunks(4).chain([self.check().as_slice()]).enumerate() {
            if group > 0 {
                text.push('-');
            }
            chunk.iter().for_each(|digit| text.push(char::from(ALPHABET[usize::from(*digit)])));
        }
        text
    }

    /// Reads a printed code.
    ///
    /// # Errors
    /// [`KeyError::MistypedRecoveryCode`], with the group when a character there is impossible.
    pub fn parse(text: &str) -> Result<RecoveryCode, KeyError> {
        let mut digits = Zeroizing::new(Vec::with_capacity(36));
        for c in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '_' | '.')) {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            };
            let Some(digit) = ALPHABET.iter().position(|a| char::from(*a) == c) else {
                return Err(KeyError::MistypedRecoveryCode { group: Some(digits.len() / 4 + 1) });
            };
            digits.push(digit as u8);
        }
        if digits.len() != 36 {
            return Err(KeyError::MistypedRecoveryCode { group: None });
        }
        let mut code = RecoveryCode([0; 20]);
        for (at, digit) in digits[..32].iter().enumerate() {
            for bit in 0..5 {
                if digit >> (4 - bit) & 1 == 1 {
                    let place = at * 5 + bit;
                    code.0[place / 8] |= 0x80 >> (place % 8);
                }
            }
        }
        if code.check() != digits[32..] {
            return Err(KeyError::MistypedRecoveryCode { group: None });
        }
        Ok(code)
    }

    fn digits(&self) -> Zeroizing<[u8; 32]> {
        let mut digits = Zeroizing::new([0_u8; 32]);
        for place in 0..160 {
            let bit = self.0[place / 8] >> (7 - place % 8) & 1;
            digits[place / 5] = digits[place / 5] << 1 | bit;
        }
        digits
    }

    /// Four characters of a hash: one mistake in a million passes.
    fn check(&self) -> [u8; 4] {
        let hash = blake3::derive_key("gladstone 2026 recovery code check v1", &self.0);
        [hash[0] & 31, hash[1] & 31, hash[2] & 31, hash[3] & 31]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_code_reads_back_however_it_is_typed(bytes in any::<[u8; 20]>()) {
            let code = RecoveryCode(bytes);
            let typed = code.to_text().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(RecoveryCode::parse(&typed).map_err(|e| e.to_string()).map(|c| c.0), Ok(bytes));
        }

        #[test]
        fn one_wrong_character_is_noticed(bytes in any::<[u8; 20]>(), at in 0_usize..44, with in 0_usize..32) {
            let text = RecoveryCode(bytes).to_text();
            let mut letters: Vec<char> = text.chars().collect();
            let new = char::from(ALPHABET[with]);
            prop_assume!(letters[at] != '-' && letters[at] != new);
            letters[at] = new;
            let typed: String = letters.into_iter().collect();
            // One in 2^20 slips through by design; none of the sampled cases may.
            prop_assert!(RecoveryCode::parse(&typed).is_err());
        }
    }
}
