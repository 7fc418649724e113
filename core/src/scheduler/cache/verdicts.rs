//! What filters and scores that look at one node said of it, for one kind of pod: valid until that node changes.

use super::{Cluster, MEMORIES};
use std::sync::Arc;

/// What node-wise filters and scores that depend on no pod said of each node, for one kind of pod.
#[derive(Clone, Debug, Default)]
pub(in crate::scheduler) struct Verdicts {
    pub cells: Vec<VerdictCell>,
}

/// One node's part of [`Verdicts`].
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::scheduler) struct VerdictCell {
    pub generation: u32,
    pub code: u16,
    pub soft_taints: u16,
    pub affinity: i32,
}

/// What the resource plugins said of each node, for one set of requests.
#[derive(Clone, Debug, Default)]
pub(in crate::scheduler) struct Fits {
    pub cells: Vec<FitCell>,
}

/// One node's part of [`Fits`].
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::scheduler) struct FitCell {
    pub generation: u32,
    pub code: u16,
    pub least: u8,
    pub balanced: u8,
}

impl Cluster {
    /// The memory of node-wise verdicts for pods like this one.
    pub(in crate::scheduler) fn verdicts_of(&mut self, group: u32) -> u32 {
        let g = &self.groups[group as usize];
        if let Some(v) = g.memory.verdicts {
            return v;
        }
        if self.verdicts.len() >= MEMORIES {
            self.forget_verdicts();
        }
        let info = self.groups[group as usize].info.clone();
        let key = format!("{:?}{:?}{:?}", info.node_rules, info.tolerations, info.node_name);
        let next = self.verdicts.len() as u32;
        let id = *self.verdict_ids.entry(key).or_insert(next);
        if id == next {
            self.verdicts.push(Arc::default());
        }
        Arc::make_mut(&mut self.groups[group as usize]).memory.verdicts = Some(id);
        id
    }

    /// The memory of resource verdicts for pods like this one.
    pub(in crate::scheduler) fn fits_of(&mut self, group: u32) -> u32 {
        let g = &self.groups[group as usize];
        if let Some(f) = g.memory.fits {
            return f;
        }
        if self.fits.len() >= MEMORIES {
            self.forget_verdicts();
        }
        let info = self.groups[group as usize].info.clone();
        let key = format!("{:?} {} {}", info.requests, info.nonzero_cpu, info.nonzero_memory);
        let next = self.fits.len() as u32;
        let id = *self.fit_ids.entry(key).or_insert(next);
        if id == next {
            self.fits.push(Arc::default());
        }
        Arc::make_mut(&mut self.groups[group as usize]).memory.fits = Some(id);
        id
    }

    pub(in crate::scheduler) fn forget_verdicts(&mut self) {
        self.verdicts.clear();
        self.verdict_ids.clear();
        self.fits.clear();
        self.fit_ids.clear();
        for g in self.groups.iter_mut().filter(|g| g.memory.verdicts.is_some() || g.memory.fits.is_some()) {
            let memory = &mut Arc::make_mut(g).memory;
            (memory.verdicts, memory.fits) = (None, None);
        }
    }
}
