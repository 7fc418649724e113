//! Pods that wait for a node: ready to be tried, backing off, or waiting for the cluster to change.

/// How long a pod waits after its `failures`-th failed attempt: nothing after none, then `first` doubled each time, at
/// most `most`. The unit is the caller's.
pub fn backoff(failures: u32, first: u64, most: u64) -> u64 {
    if failures == 0 {
        return 0;
    }
    match first.checked_shl(failures - 1) {
        Some(d) if failures - 1 < first.leading_zeros() => d.min(most),
        _ => most,
    }
}
