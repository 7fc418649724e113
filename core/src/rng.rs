//! Chance: one seeded stream for each component, so that what one component draws never shifts another's draws.

use rand_core::{RngCore, SeedableRng};
use rand_pcg::Pcg32;

/// The alphabet of generated name suffixes (Models apimachinery util/rand).
pub const SAFE_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A seeded stream of random numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Rng(Pcg32);

impl Rng {
    /// The stream called `name` of the session with this seed.
    pub fn stream(seed: u64, name: &str) -> Rng {
        let mut h = 0xcbf2_9ce4_8422_2325u64;
        for b in name.bytes() {
            h = (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
        Rng(Pcg32::seed_from_u64(seed ^ h.rotate_left(17)))
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.u32()) * u64::from(n)) >> 32) as u32
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.u32()) / 4_294_967_296.0
    }

    /// `n` characters of the alphabet of generated names.
    pub fn suffix(&mut self, n: usize) -> String {
        (0..n).map(|_| SAFE_ALPHABET[self.below(27) as usize] as char).collect()
    }

    /// A random UUID (version 4) as 128 bits.
    pub fn uuid(&mut self) -> u128 {
        let v = (u128::from(self.u64()) << 64) | u128::from(self.u64());
        (v & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
    }
}
