//! Lists and byte strings that refuse to grow beyond a limit while they are read, so that a
//! hostile length neither allocates nor runs.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

/// Reads a list of at most `N` items.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const N: usize>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(List::<T, N>(PhantomData))
}

/// Reads a list of at most `N` items, or none.
pub(crate) fn optional_list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const N: usize>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Bounded<T, const N: usize>(#[serde(deserialize_with = "list::<_, _, N>")] Vec<T>);
    Ok(Option::<Bounded<T, N>>::deserialize(deserializer)?.map(|list| list.0))
}

struct List<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for List<T, N> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {N} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let stated = items.size_hint().unwrap_or(0);
        if stated > N {
            return Err(A::Error::invalid_length(stated, &self));
        }
        // The stated length is a claim: room for 64 KiB at first, then as items come.
        let mut list = Vec::with_capacity(stated.min(65_536 / size_of::<T>().max(1)));
        while let Some(item) = items.next_element()? {
            if list.len() == N {
                return Err(A::Error::invalid_length(N + 1, &self));
            }
            list.push(item);
        }
        Ok(list)
    }
}

/// Bytes as one string of bytes instead of a list of numbers.
pub(crate) mod bytes {
    use super::{Deserializer, Serializer, read_bytes};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    /// Reads at most [`crate::limits::MUTATION_LIMIT`] bytes.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        read_bytes::<D, { crate::limits::MUTATION_LIMIT }>(deserializer)
    }
}

fn read_bytes<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes<const N: usize>;
    impl<const N: usize> Visitor<'_> for Bytes<N> {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {N} bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            if bytes.len() > N { Err(E::invalid_length(bytes.len(), &self)) } else { Ok(bytes.to_vec()) }
        }
    }
    deserializer.deserialize_bytes(Bytes::<N>)
}

/// An Ed25519 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        let bytes = read_bytes::<D, 64>(deserializer)?;
        let length = bytes.len();
        bytes.try_into().map(Signature).map_err(|_| D::Error::invalid_length(length, &"64 bytes"))
    }
}
