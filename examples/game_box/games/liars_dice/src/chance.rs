//! Chance: numbers that follow from the seed the box gives each game.
//!
//! Must not know: what they are used for. Invariant: the same seed gives the same dice, so that a game that
//! comes back on another node goes on as it was.

use serde::{Deserialize, Serialize};

/// A SplitMix64 generator. Good enough among friends; whoever plays for money takes a cryptographic one.
#[derive(Serialize, Deserialize)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Mixes every byte of the seed in (FNV-1a).
    pub(crate) fn from_seed(seed: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// A die: the remainder of the largest multiple of six is thrown away, so that all faces are alike.
    pub(crate) fn die(&mut self) -> u8 {
        loop {
            let number = self.next();
            if number < u64::MAX - u64::MAX % 6 {
                return (number % 6) as u8 + 1;
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
