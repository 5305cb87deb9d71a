//! Joining a centre and signing in, as JSON: small, rare, and read by people when it goes wrong.

use gladstone_model::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::lease::SignedLease;

/// What a laptop signs to open a session, before the challenge.
pub const SESSION_LABEL: &[u8] = b"gladstone session v1\0";

/// A laptop wants to join with a code that somebody gave to its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The code, as typed: groups, small letters and blanks do not matter.
    pub code: String,
    /// Laptop.
    pub device: Uuid,
    /// One life of its database.
    pub incarnation: Uuid,
    /// Ed25519 public key of the laptop in hexadecimal digits, 32 bytes.
    pub public_key: String,
    /// What people call the laptop, at most 100 characters.
    pub label: String,
    /// Whose vault it is, when it worked alone before.
    pub actor: Option<Uuid>,
    /// Name of that person, when it worked alone before.
    pub name: Option<String>,
}

/// What the laptop has to know from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// The organization, which is the realm.
    pub realm: Uuid,
    /// Its name.
    pub organization: String,
    /// Whose laptop it is.
    pub actor: Uuid,
    /// Name of that person.
    pub name: String,
    /// Role in the organization.
    pub role: String,
    /// The centre's history.
    pub epoch: Uuid,
    /// For the first push, in hexadecimal digits, 32 bytes.
    pub nonce: String,
    /// The centre's clock, in microseconds since 1970 UTC.
    pub server_time: Instant,
    /// Days for which the laptop may work without contact.
    pub lease_days: u16,
    /// The same, signed; none from a centre of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<SignedLease>,
}

/// A laptop wants to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// Laptop.
    pub device: Uuid,
}

/// What it has to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeAnswer {
    /// Hexadecimal digits, 32 bytes; good once and for a minute.
    pub challenge: String,
}

/// The challenge, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// Laptop.
    pub device: Uuid,
    /// The challenge, in hexadecimal digits.
    pub challenge: String,
    /// Signature over [`SESSION_LABEL`] and the challenge's 32 bytes, in hexadecimal digits, 64 bytes.
    pub signature: String,
}

/// The session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionAnswer {
    /// To be sent as bearer; 256 bits in hexadecimal digits.
    pub token: String,
    /// Seconds for which it is good.
    pub seconds: u32,
    /// The organization of this laptop.
    pub realm: Uuid,
    /// How long it may work without contact from now on; none for one whose right has ended, and from
    /// a centre of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<SignedLease>,
    /// Whether a push may be sent before the one in front of it was answered: the centre keeps it until
    /// its turn. One of before says nothing, and is sent one after the other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// Whether the centre remembers each set of units that it handed out ahead
    /// ([`crate::wire::PullRequest::ahead`]); one of before says nothing, and is asked when an answer is durable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ahead: bool,
    /// Whether whoever waits for news may say what they would ask for then, and is brought the answer in place
    /// of the number; one of before says nothing, and only tells that there is something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brings: bool,
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}

/// `N` bytes from exactly twice as many hexadecimal digits; none for anything else.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>()?;
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_centre_of_before_says_nothing_of_early_pushes_and_a_laptop_of_before_reads_what_is_said() {
        let of_before = r#"{"token":"00","seconds":600,"realm":"00000000-0000-0000-0000-000000000000"}"#;
        let mut session: SessionAnswer = serde_json::from_str(of_before).expect("it is read");
        assert!(!session.early && !session.ahead && !session.brings);
        assert_eq!(serde_json::to_string(&session).expect("it is written"), of_before);
        session.early = true;
        assert!(serde_json::to_string(&session).expect("it is written").ends_with(r#","early":true}"#), "behind what was there");
    }

    #[test]
    fn bytes_become_digits_and_come_back_and_nothing_else_does() {
        assert_eq!(to_hex(&[0, 15, 255]), "000fff");
        assert_eq!(from_hex::<3>("000FFf"), Some([0, 15, 255]), "letters of either size");
        for wrong in ["", "000ff", "000fff0", "00 fff", "000ffg", "٠٠٠٠٠٠"] {
            assert_eq!(from_hex::<3>(wrong), None, "{wrong} is not three bytes");
        }
    }
}
