//! What the kernel's tests share: a memory that is only a size, and numbers that look random but
//! never change.
//!
//! Invariant: like a Wasm memory it grows by whole pages, never shrinks, and refuses to pass its maximum.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate of its own and uses a part of it"
)]

pub mod model;

use extism_kernel::{Kernel, Limits, Memory};

pub const PAGE: u64 = 65_536;
pub const GIB: u64 = 1 << 30;

/// Values at which arithmetic goes wrong if it does.
pub const BOUNDARIES: [u64; 15] = [
    0,
    1,
    63,
    64,
    65,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    1 << 63,
    u64::MAX - 63,
    u64::MAX,
];

pub struct Pages {
    pub bytes: u64,
    pub bytes_max: u64,
    pub growths: u32,
}

impl Pages {
    pub fn new(bytes: u64, bytes_max: u64) -> Pages {
        Pages {
            bytes,
            bytes_max,
            growths: 0,
        }
    }
}

impl Memory for Pages {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn grow_to(&mut self, bytes: u64) -> bool {
        let Some(bytes) = bytes.checked_next_multiple_of(PAGE) else {
            return false;
        };
        if bytes > self.bytes_max {
            return false;
        }
        self.growths += 1;
        self.bytes = bytes;
        true
    }
}

/// A kernel whose limits no test reaches, and a memory of one page that grows to 4 GiB.
pub fn roomy() -> (Kernel, Pages) {
    let limits = Limits {
        blocks_max: u32::MAX,
        bytes_max: u64::MAX,
    };
    (Kernel::new(limits), Pages::new(PAGE, 4 * GIB))
}

/// The xorshift generator: the same numbers in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn pick(&mut self, from: &[u64]) -> u64 {
        from[self.below(from.len() as u64) as usize]
    }
}
