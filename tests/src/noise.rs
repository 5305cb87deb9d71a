//! Text that no compression makes small: what is to take its time on a slow line.

/// So many letters, in an order of their own for each number.
pub fn noise(number: u32, letters: usize) -> String {
    let mut state = u64::from(number) + 1;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((state >> 33) % 26) as u8)
    };
    (0..letters).map(letter).collect()
}
