//! Which functions come first: a tree of names, kept as `first.txt`, one part of a name a line, indented below what it
//! is a part of. A function comes first if the way its name (cut at `::`) leads down the tree ends at a leaf; a leaf
//! named `.` is the end of the name itself. So a leaf high up takes a whole module, with whatever is written there
//! later, and a name that the tree does not know is left for later, which costs a wait but is never wrong.
//!
//! The tree is learned from a run of the page; [`learn`] takes a module as a whole where nearly all of it ran.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A part of a name, and what follows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Tree>);

/// The leaf for a name that ends here.
const END: &str = ".";

fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split("::").chain([END])
}

impl Tree {
    /// Does a function with this name come first?
    pub fn picks(&self, name: &str) -> bool {
        let mut tree = self;
        for part in parts(name) {
            match tree.0.get(part) {
                Some(next) if next.0.is_empty() => return true,
                Some(next) => tree = next,
                None => return false,
            }
        }
        false
    }

    /// Reads a tree.
    pub fn read(text: &str) -> Result<Tree, String> {
        let mut path: Vec<&str> = vec![];
        let mut tree = Tree::default();
        for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
            let part = line.trim_start_matches(' ');
            let depth = line.len() - part.len();
            if depth > path.len() {
                return Err(format!("line {}: indented too far", n + 1));
            }
            path.truncate(depth);
            path.push(part);
            path.iter().fold(&mut tree, |t, p| t.0.entry((*p).to_owned()).or_default());
        }
        Ok(tree)
    }

    /// Writes a tree.
    pub fn write(&self) -> String {
        let mut text = String::new();
        self.write_below(0, &mut text);
        text
    }

    fn write_below(&self, depth: usize, text: &mut String) {
        for (part, below) in &self.0 {
            let _ = writeln!(text, "{:depth$}{part}", "");
            below.write_below(depth + 1, text);
        }
    }
}

#[derive(Default)]
struct Seen<'a> {
    ran: usize,
    idle: usize,
    below: BTreeMap<&'a str, Seen<'a>>,
}

/// What a run teaches: functions with their sizes, and whether each ran.
pub fn learn<'a>(functions: impl IntoIterator<Item = (&'a str, usize, bool)>) -> Tree {
    let mut all = Seen::default();
    for (name, size, ran) in functions.into_iter().filter(|(name, ..)| !name.is_empty()) {
        let mut seen = &mut all;
        for part in parts(name) {
            seen = seen.below.entry(part).or_default();
            *(if ran { &mut seen.ran } else { &mut seen.idle }) += size;
        }
    }
    fn keep(seen: &Seen<'_>) -> Tree {
        let mut tree = Tree::default();
        for (part, s) in seen.below.iter().filter(|(_, s)| s.ran > 0) {
            // where little is idle, or it is little anyway, a longer list would gain nothing
            let whole = s.idle * 8 <= s.ran || s.idle < 700;
            tree.0.insert((*part).to_owned(), if whole { Tree::default() } else { keep(s) });
        }
        tree
    }
    keep(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_picks_what_it_was_taught() {
        let names = [("a::b::c", 3000, true), ("a::b::d", 3000, false), ("a::e", 9000, true), ("f", 5000, false)];
        let tree = learn(names);
        let picked = |n: &str| tree.picks(n);
        assert!(picked("a::b::c") && picked("a::e"));
        assert!(!picked("a::b::d") && !picked("f") && !picked("a") && !picked("a::b::new"));
        assert!(learn([("a::b", 9, true)]).picks("a::new"));
        assert_eq!(Tree::read(&tree.write()), Ok(tree));
        assert!(Tree::read("a\n  b").is_err());
    }
}
