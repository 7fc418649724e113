//! `--append-hash`: ten letters that say what a ConfigMap or Secret holds. Models kubectl `pkg/util/hash`.
//!
//! Invariant: the same content has the same name wherever it is made, so the digest is SHA-256, as everywhere.

use serde_json::{Value, json};

/// The hash of a ConfigMap or Secret that is to be created.
pub fn of(object: &Value) -> String {
    let data = |key: &str| if object[key].is_object() { object[key].clone() } else { json!({}) };
    let mut content = json!({"kind": object["kind"], "name": object["metadata"]["name"], "data": data("data")});
    if object["kind"] == "Secret" {
        content["type"] = json!(object["type"].as_str().unwrap_or_default());
    }
    if object["binaryData"].is_object() {
        content["binaryData"] = object["binaryData"].clone();
    }
    if object["immutable"].is_boolean() {
        content["immutable"] = object["immutable"].clone();
    }
    // Go's encoder writes these so
    let text = content.to_string().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let digest = sha256(text.as_bytes());
    let hex: String = digest.iter().take(5).map(|b| format!("{b:02x}")).collect();
    let safe = |c: char| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    };
    hex.chars().map(safe).collect()
}

/// The first so many prime numbers.
fn primes(many: usize) -> impl Iterator<Item = u64> {
    (2u64..).filter(|n| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0)).take(many)
}

/// The first 32 bits of the fraction of a number's root; `power` is 2 or 3.
fn fraction(n: u64, power: u32) -> u32 {
    // the largest r with r^power <= n * 2^(32*power), by bits
    let (n, mut root) = (u128::from(n), 0u128);
    for bit in (0..36).rev() {
        let next = root | 1 << bit;
        let fits = match power {
            2 => next * next <= n << 64,
            _ => next * next * next <= n << 96,
        };
        if fits {
            root = next;
        }
    }
    root as u32
}

/// SHA-256.
fn sha256(bytes: &[u8]) -> [u8; 32] {
    let k: Vec<u32> = primes(64).map(|p| fraction(p, 3)).collect();
    let mut h: Vec<u32> = primes(8).map(|p| fraction(p, 2)).collect();
    let mut text = bytes.to_vec();
    text.push(0x80);
    text.resize(text.len().next_multiple_of(64), 0);
    if text.len() - bytes.len() < 9 {
        text.resize(text.len() + 64, 0);
    }
    let end = text.len() - 8;
    text[end..].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in text.chunks(64) {
        let mut w: Vec<u32> = block.chunks(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
        for i in 16..64 {
            let (a, b) = (w[i - 15], w[i - 2]);
            let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            w.push(w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1));
        }
        let mut v = h.clone();
        for i in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let one = v[7].wrapping_add(s1).wrapping_add(choice).wrapping_add(k[i]).wrapping_add(w[i]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(one);
            v[0] = one.wrapping_add(s0).wrapping_add(most);
        }
        for (h, v) in h.iter_mut().zip(v) {
            *h = h.wrapping_add(v);
        }
    }
    let mut out = [0; 32];
    for (o, h) in out.chunks_mut(4).zip(h) {
        o.copy_from_slice(&h.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests() {
        let hex = |t: &str| sha256(t.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(hex(&"a".repeat(56)).starts_with("b35439a4ac6f0948b6d6f9e3c6af0f5f"));
    }

    #[test]
    fn names_of_contents() {
        let map = |data: Value| of(&json!({"kind": "ConfigMap", "metadata": {"name": ""}, "data": data}));
        assert_eq!(map(json!({})), "42745tchd9");
        assert_eq!(map(json!({"one": ""})), "9g67k2htb6");
        assert_eq!(map(json!({"two": "2", "one": "", "three": "3"})), "f5h7t85m9b");
        assert_eq!(of(&json!({"kind": "Secret", "metadata": {"name": ""}, "type": "my-type"})), "t75bgf6ctb");
    }
}
