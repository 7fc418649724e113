//! Lessons: what is read, predicted, done and looked back at, as data; and the judge of what was done. A lesson comes
//! from a stranger: it is read with caps, nothing in it is evaluated as code, and what is wrong in it is said with its
//! place. Invariant: what a check says follows from the session and the moment a step began, never from how often
//! somebody looked; so a session that is rewound and played again is judged the same.

mod check;
pub mod draft;
pub mod model;
pub mod play;
mod read;
mod watch;

pub use model::Lesson;
pub use read::{LessonError, read};
pub use watch::{Mark, Start, Watch};

/// Bytes of a lesson's file.
pub const MAX_TEXT: usize = 200_000;
/// Steps of a lesson.
pub const MAX_STEPS: usize = 40;
/// Checks, hints, options, wrong answers or links of a step.
pub const MAX_PARTS: usize = 16;
/// Characters of one text.
pub const MAX_WORDS: usize = 4_000;
/// Nodes of a lesson's cluster.
pub const MAX_NODES: usize = 30;
/// Files of a lesson.
pub const MAX_FILES: usize = 20;
/// Things that are done in a setup, a solution or a wrong answer.
pub const MAX_DEEDS: usize = 200;
/// Seconds of virtual time that a setup or one wait may take.
pub const MAX_SECONDS: u64 = 7_200;
/// Characters of a pattern.
pub const MAX_PATTERN: usize = 300;
