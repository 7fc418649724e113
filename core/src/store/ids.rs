//! Handles and UIDs: every object gets a number that is never used again, and its UID is that number, mixed with the
//! session's seed by a bijection, so that neither has to be stored for the other.

/// An object's handle within a session.
pub type Id = u64;

/// Hands out handles and turns them into UIDs and back.
#[derive(Clone, Debug)]
pub struct Ids {
    seed: u64,
    next: Id,
}

const M1: u64 = 0xbf58_476d_1ce4_e5b9;
const M2: u64 = 0x94d0_49bb_1331_11eb;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(M1);
    z = (z ^ (z >> 27)).wrapping_mul(M2);
    z ^ (z >> 31)
}

impl Ids {
    /// Handles of the session with this seed, beginning at 1.
    pub fn new(seed: u64) -> Ids {
        Ids { seed: mix(seed ^ 0x9e37_79b9_7f4a_7c15), next: 1 }
    }

    /// A new handle.
    pub fn issue(&mut self) -> Id {
        self.next += 1;
        self.next - 1
    }

    /// How many handles have been given out.
    pub fn issued(&self) -> u64 {
        self.next
    }

    /// The UID of a handle, a version-4 UUID in form. 62 of its bits carry the handle.
    pub fn uid(&self, id: Id) -> String {
        let body = mix(id ^ (self.seed & 0x3fff_ffff)) ^ self.seed;
        let other = mix(body ^ 0x5851_f42d_4c95_7f2d);
        // xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx: the 64 bits of `body` fill the first 8, the next 4, and the last 4 digits
        let (a, b, c) = ((body >> 32) as u32, (body >> 16) as u16, body as u16);
        format!(
            "{a:08x}-{b:04x}-4{:03x}-{:04x}-{:08x}{c:04x}",
            other >> 52,
            0x8000 | ((other >> 32) as u16 & 0x3fff),
            other as u32
        )
    }

    /// The handle of a UID that [`Ids::uid`] made; `None` for any other text.
    pub fn parse(&self, uid: &str) -> Option<Id> {
        let b = uid.as_bytes();
        if b.len() != 36 || !uid.is_ascii() {
            return None;
        }
        let a = u64::from_str_radix(&uid[0..8], 16).ok()?;
        let m = u64::from_str_radix(&uid[9..13], 16).ok()?;
        let c = u64::from_str_radix(&uid[32..36], 16).ok()?;
        let body = (a << 32) | (m << 16) | c;
        let id = unmix(body ^ self.seed) ^ (self.seed & 0x3fff_ffff);
        (id < self.next && self.uid(id) == uid).then_some(id)
    }
}

fn unmix(mut z: u64) -> u64 {
    z = unshift(z, 31).wrapping_mul(inverse(M2));
    z = unshift(z, 27).wrapping_mul(inverse(M1));
    unshift(z, 30)
}

/// Undoes `z ^ (z >> s)`.
fn unshift(z: u64, s: u32) -> u64 {
    let mut x = z;
    for _ in 0..(64 / s) {
        x = z ^ (x >> s);
    }
    x
}

/// The inverse of an odd number modulo 2^64.
const fn inverse(a: u64) -> u64 {
    let mut x = a;
    let mut i = 0;
    while i < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(a.wrapping_mul(x)));
        i += 1;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_lead_back_to_handles() {
        let mut ids = Ids::new(42);
        for _ in 0..1000 {
            let id = ids.issue();
            assert_eq!(ids.parse(&ids.uid(id)), Some(id));
        }
        assert_eq!(ids.parse("00000000-0000-4000-8000-000000000000"), None);
        assert_eq!(Ids::new(43).parse(&ids.uid(5)), None);
    }
}
