//! What containers print, line by line, bounded. Invariant: never more than [`MAX_LINES`] lines and [`MAX_BYTES`]
//! bytes; the oldest go first, and it is known that they are missing.

use super::shell::Stream;
use crate::clock::SimTime;
use std::sync::Arc;

/// Lines kept of one container.
pub const MAX_LINES: usize = 1000;
/// Bytes kept of one container.
pub const MAX_BYTES: usize = 128 * 1024;
/// Bytes of one line.
const MAX_LINE: usize = 16 * 1024;

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When it was printed.
    pub at: SimTime,
    /// Where to.
    pub stream: Stream,
    /// The text, without the newline.
    pub text: Arc<str>,
}

/// The log of one run of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    lines: imbl::Vector<Line>,
    bytes: usize,
    partial: Option<(Stream, String)>,
    /// Lines that were dropped at the beginning.
    pub dropped: u64,
}

impl Log {
    /// An empty log before which so many lines were dropped.
    pub fn after(dropped: u64) -> Log {
        Log { dropped, ..Log::default() }
    }

    /// Adds printed text.
    pub fn add(&mut self, at: SimTime, stream: Stream, text: &str) {
        for piece in text.split_inclusive('\n') {
            let (s, mut line) = self.partial.take().unwrap_or((stream, String::new()));
            if s != stream && !line.is_empty() {
                self.push(Line { at, stream: s, text: line.as_str().into() });
                line.clear();
            }
            line.push_str(piece);
            if line.ends_with('\n') || line.len() > MAX_LINE {
                self.push(Line { at, stream, text: line.trim_end_matches('\n').into() });
            } else {
                self.partial = Some((stream, line));
            }
        }
    }

    fn push(&mut self, line: Line) {
        self.bytes += line.text.len() + 1;
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.text.len() + 1;
            self.dropped += 1;
        }
    }

    /// The number of lines printed so far, kept or not: a cursor for `logs -f`.
    pub fn total(&self) -> u64 {
        self.dropped + self.lines.len() as u64
    }

    /// Bytes of the lines that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The lines that are kept, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> + ExactSizeIterator {
        self.lines.iter()
    }

    /// An unfinished last line.
    pub fn rest(&self) -> &str {
        self.partial.as_ref().map_or("", |(_, t)| t)
    }

    /// Nothing was printed.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.partial.is_none()
    }

    /// The end of the log as one text, at most so many lines and bytes: what a termination message takes
    /// (FallbackToLogsOnError: 80 lines, 2048 bytes).
    pub fn tail(&self, lines: usize, bytes: usize) -> String {
        let skip = self.lines.len().saturating_sub(lines);
        let mut text: String = self.lines.iter().skip(skip).map(|l| format!("{}\n", l.text)).collect();
        text.push_str(self.rest());
        let mut start = text.len().saturating_sub(bytes);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        text.split_off(start)
    }
}
