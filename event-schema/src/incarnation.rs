//! The life of a collection's name: each time it is made, emptied or made again it is another
//! collection, told from earlier ones by its incarnation. The two times that must fit each other
//! stand here side by side.

/// A worker may plan by a collection's definition for so long after it read it, in milliseconds.
pub const BELIEVED_MS: u64 = 200;

/// Whoever changes a definition waits so long before it counts as known to every worker, in
/// milliseconds.
pub const GRACE_MS: u64 = 300;

// What is in a worker's hand when it looks at the clock is planned a little later.
const _: () = assert!(GRACE_MS >= BELIEVED_MS + 100);

const LENGTH: u32 = 8;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// 8 characters of `[a-z0-9]`, of random bits.
pub fn mint_incarnation(mut random: u64) -> String {
    (0..LENGTH)
        .map(|_| {
            let digit = DIGITS[(random % 36) as usize];
            random /= 36;
            char::from(digit)
        })
        .collect()
}

/// Could it have been minted here?
pub fn is_incarnation(text: &str) -> bool {
    text.len() == LENGTH as usize && text.bytes().all(|byte| DIGITS.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnations_are_eight_characters_and_differ() {
        let minted: Vec<String> = (0..2_000u64)
            .map(|n| mint_incarnation(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect();
        assert!(minted.iter().all(|one| is_incarnation(one)));
        for other in ["", "a1b2c3d", "a1b2c3d4e", "A1B2C3D4", "a1b2c3.4"] {
            assert!(!is_incarnation(other), "{other}");
        }
        let distinct: std::collections::BTreeSet<_> = minted.iter().collect();
        assert_eq!(distinct.len(), minted.len());
    }
}
