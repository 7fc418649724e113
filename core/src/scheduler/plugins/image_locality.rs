//! Nodes that have the pod's images are better, large images and widely spread ones more so. Models
//! plugins/imagelocality.

use crate::scheduler::framework::MAX_SCORE;

const MB: i64 = 1024 * 1024;
const MIN: i64 = 23 * MB;
const MAX_PER_CONTAINER: i64 = 1000 * MB;

/// The name with `:latest` if it bears no tag.
pub fn normalized_name(image: &str) -> String {
    match (image.rfind(':'), image.rfind('/')) {
        (None, _) => format!("{image}:latest"),
        (Some(colon), Some(slash)) if colon <= slash => format!("{image}:latest"),
        _ => image.to_owned(),
    }
}

/// What an image of `size` bytes on the node counts if `having` of `all` nodes have it.
pub fn image_part(size: i64, having: usize, all: usize) -> i64 {
    if all == 0 {
        return 0;
    }
    (size as f64 * (having as f64 / all as f64)) as i64
}

/// The score (0–100) of the sum of the parts for a pod of so many containers.
pub fn score(sum: i64, containers: usize) -> i64 {
    let max = MAX_PER_CONTAINER * containers as i64;
    let sum = sum.clamp(MIN, max.max(MIN));
    if max == MIN { 0 } else { MAX_SCORE * (sum - MIN) / (max - MIN) }
}
