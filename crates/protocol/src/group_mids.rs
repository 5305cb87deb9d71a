//! Which mutation last wrote each merge group of a row: sparse, because most groups were
//! written by the mutation that wrote the row.

use uuid::Uuid;

/// Group number (that of its first field) and mutation, sorted by group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMids(Vec<(u16, Uuid)>);

impl GroupMids {
    /// The mutation that last wrote `group`; `row_mid` where nothing else is known.
    pub fn get(&self, group: u16, row_mid: Uuid) -> Uuid {
        self.0.iter().find(|(g, _)| *g == group).map_or(row_mid, |(_, mid)| *mid)
    }

    /// Notes that `mid` wrote `group`.
    pub fn set(&mut self, group: u16, mid: Uuid) {
        match self.0.binary_search_by_key(&group, |(g, _)| *g) {
            Ok(at) => self.0[at].1 = mid,
            Err(at) => self.0.insert(at, (group, mid)),
        }
    }

    /// The groups that are named here with their mutations, sorted by group.
    pub fn pairs(&self) -> &[(u16, Uuid)] {
        &self.0
    }

    /// From groups and mutations in any order; of a group named twice the last one counts.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u16, Uuid)>) -> GroupMids {
        let mut mids = GroupMids::default();
        pairs.into_iter().for_each(|(group, mid)| mids.set(group, mid));
        mids
    }

    /// Without the groups that `row_mid` wrote anyway: one form for one meaning, as the wire,
    /// the digest and the merge rule need it.
    pub fn sparse(&self, row_mid: Uuid) -> GroupMids {
        GroupMids::from_pairs(self.0.iter().copied().filter(|(_, mid)| *mid != row_mid))
    }

    /// 18 bytes a group; nothing when empty.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let bytes = |(group, mid): &(u16, Uuid)| group.to_be_bytes().into_iter().chain(*mid.as_bytes());
        (!self.0.is_empty()).then(|| self.0.iter().flat_map(bytes).collect())
    }

    /// Reads what [`GroupMids::to_bytes`] wrote; `None` when the bytes are not that.
    pub fn from_bytes(bytes: Option<&[u8]>) -> Option<GroupMids> {
        let bytes = bytes.unwrap_or_default();
        let chunks = bytes.chunks_exact(18);
        if !chunks.remainder().is_empty() {
            return None;
        }
        let read = |chunk: &[u8]| Some((u16::from_be_bytes([chunk[0], chunk[1]]), Uuid::from_slice(&chunk[2..]).ok()?));
        chunks.map(read).collect::<Option<Vec<_>>>().map(GroupMids)
    }
}
