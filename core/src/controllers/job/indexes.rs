//! Sets of completion indexes, in the form in which a Job's status prints them: `0,2-5,7`.
//! Models pkg/controller/job/indexed_job_utils.go.

use std::fmt;

/// Indexes as intervals (both ends included) in rising order; neighbours are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes(Vec<(i32, i32)>);

impl Indexes {
    /// Reads a status text; what is no number, or beyond `completions`, is passed over.
    pub fn parse(text: &str, completions: i32) -> Indexes {
        let mut out = Indexes::default();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let mut ends = part.split('-');
            let Some(Ok(first)) = ends.next().map(str::parse::<i32>) else { continue };
            if first >= completions {
                break;
            }
            let last = match ends.next().map(str::parse::<i32>) {
                None => first,
                Some(Ok(last)) => last.min(completions - 1),
                Some(Err(_)) => continue,
            };
            match out.0.last_mut() {
                Some(l) if l.1 == first - 1 => l.1 = last,
                _ => out.0.push((first, last)),
            }
        }
        out
    }

    /// From intervals in rising order.
    pub fn from_intervals(intervals: impl IntoIterator<Item = (i32, i32)>) -> Indexes {
        Indexes(intervals.into_iter().collect())
    }

    /// The intervals.
    pub fn intervals(&self) -> &[(i32, i32)] {
        &self.0
    }

    /// These and more, which come in rising order.
    pub fn with(&self, more: impl IntoIterator<Item = i32>) -> Indexes {
        self.union(more.into_iter().map(|i| (i, i)))
    }

    /// These and those of another set.
    pub fn and(&self, other: &Indexes) -> Indexes {
        self.union(other.0.iter().copied())
    }

    fn union(&self, more: impl Iterator<Item = (i32, i32)>) -> Indexes {
        let mut out: Vec<(i32, i32)> = Vec::with_capacity(self.0.len());
        let mut push = |(first, last): (i32, i32)| match out.last_mut() {
            Some(l) if first <= l.1.saturating_add(1) => l.1 = l.1.max(last),
            _ => out.push((first, last)),
        };
        let mut mine = self.0.iter().copied().peekable();
        for next in more {
            while let Some(m) = mine.next_if(|m| m.0 <= next.0) {
                push(m);
            }
            push(next);
        }
        mine.for_each(push);
        Indexes(out)
    }

    /// Is this index among them?
    pub fn has(&self, index: i32) -> bool {
        let after = self.0.partition_point(|i| i.1 < index);
        self.0.get(after).is_some_and(|i| i.0 <= index)
    }

    /// How many there are.
    pub fn total(&self) -> i32 {
        self.0.iter().map(|(a, b)| b - a + 1).sum()
    }

    /// How many are in both sets.
    pub fn shared(&self, other: &Indexes) -> i32 {
        let (mut i, mut j, mut n) = (0, 0, 0);
        while let (Some(a), Some(b)) = (self.0.get(i), other.0.get(j)) {
            n += (a.1.min(b.1) - a.0.max(b.0) + 1).max(0);
            if a.1 < b.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        n
    }

    /// The first `count` indexes below `completions` that are not among them.
    pub fn missing(&self, count: usize, completions: i32) -> Vec<i32> {
        let mut out = vec![];
        let mut next = 0;
        for (first, last) in self.0.iter().copied().chain([(completions, completions)]) {
            while next < first.min(completions) && out.len() < count {
                out.push(next);
                next += 1;
            }
            next = next.max(last.saturating_add(1));
        }
        out
    }
}

/// `0,2-5,7`; two neighbours are printed as such: `2,3`.
impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (first, last)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
