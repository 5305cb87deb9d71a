//! Sizes and numbers that both sides hold to. Each is checked when sending and when receiving.

/// Greatest size of one sealed entry in bytes.
pub const MUTATION_LIMIT: usize = 1024 * 1024;
/// Greatest size of all sealed entries of one push in bytes.
pub const BATCH_LIMIT: usize = 4 * 1024 * 1024;
/// Greatest number of sealed entries in one push.
pub const BATCH_COUNT: usize = 500;
/// Greatest size of a push or pull message in bytes: a batch, and 128 KiB for what surrounds it.
pub const MESSAGE_LIMIT: usize = BATCH_LIMIT + 128 * 1024;
/// Greatest size at which the centre closes a page of a first download, in bytes.
pub const PAGE_LIMIT: usize = 1024 * 1024;
/// Greatest number of rows in a page.
pub const PAGE_ROWS: usize = 5_000;
/// Greatest number of pages, units, changes or verdicts in one message.
pub const LIST_COUNT: usize = 10_000;
/// Greatest number of digests of units in one answer: about 100 KB.
pub const DIGEST_COUNT: usize = 2_000;
/// Greatest number of fields or groups of one row.
pub const FIELD_COUNT: usize = 512;
/// Greatest number of rows that one mutation changes: more do not fit into its size anyway.
pub const ROW_COUNT: usize = 30_000;
/// Greatest number of blobs named in one message.
pub const BLOB_COUNT: usize = 1_000;
/// Greatest number of bytes of memory that decoding takes for each byte of the message, beyond
/// [`DECODE_SLACK`]. The worst is a row of nulls: two bytes each on the wire, 32 in memory.
pub const DECODE_FACTOR: usize = 24;
/// Memory in bytes that decoding may take whatever the size of the message: 10,000 bare verdicts.
pub const DECODE_SLACK: usize = 2 * 1024 * 1024;
/// Greatest size of a file in bytes, before it is sealed.
pub const FILE_LIMIT: u64 = 25 * 1024 * 1024;
/// Greatest number of bytes of a sealed file in one request or answer.
pub const FILE_PART: usize = 4 * 1024 * 1024;
