//! One scheduling decision.

/// How many feasible nodes end the search among `all`; `percentage` 0 adapts to the cluster's size. Models
/// numFeasibleNodesToFind.
pub fn nodes_to_find(all: usize, percentage: usize) -> usize {
    const MIN_NODES: usize = 100;
    if all < MIN_NODES {
        return all;
    }
    let percentage = if percentage == 0 { 50usize.saturating_sub(all / 125).max(5) } else { percentage };
    (all * percentage / 100).max(MIN_NODES)
}
