//! What a lesson is.

use crate::api::labels::Selector;
use crate::network::clients::ClientSpec;
use crate::store::Kind;
use regex_lite::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// A text in each language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

/// A lesson.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Its name in links and files.
    pub id: String,
    /// The chapter it stands in; empty for one that stands alone.
    pub chapter: String,
    /// Its title.
    pub title: Text,
    /// What one can do afterwards.
    pub goal: Text,
    /// How long it takes.
    pub minutes: u64,
    /// Nodes of its cluster.
    pub nodes: usize,
    /// The seed of its cluster: every learner sees the same names.
    pub seed: u64,
    /// Files of the editor.
    pub files: BTreeMap<String, String>,
    /// The file that is shown first.
    pub open: String,
    /// What happens before the learner comes in, by milliseconds.
    pub setup: Vec<(u64, Deed)>,
    /// The moment at which the learner comes in, in milliseconds.
    pub start: u64,
    /// The steps.
    pub steps: Vec<Step>,
    /// For the one who presents it.
    pub notes: Option<Text>,
}

/// What a step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Reading.
    Read,
    /// A guess at what will happen.
    Predict,
    /// Something to do, which is checked.
    Act,
    /// A look back at why it came so.
    Why,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it asks for.
    pub kind: StepKind,
    /// Its heading.
    pub title: Option<Text>,
    /// What is told, asked or wanted.
    pub text: Text,
    /// Answers to choose from.
    pub options: Vec<Choice>,
    /// What must come true.
    pub checks: Vec<Check>,
    /// Help on demand.
    pub hints: Vec<Hint>,
    /// What passes it.
    pub solution: Vec<Deed>,
    /// What does not.
    pub wrong: Vec<Wrong>,
    /// What is worth a look.
    pub look: Vec<Look>,
    /// For the one who presents it.
    pub notes: Option<Text>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What it says.
    pub text: Text,
    /// It is what happens.
    pub right: bool,
    /// What there is to say about it.
    pub debrief: Text,
}

/// Something that must come true, or stay true, while a step is worked on.
#[derive(Clone, Debug)]
pub struct Check {
    /// In words.
    pub say: Text,
    /// The condition.
    pub that: Condition,
    /// When it must hold.
    pub time: Timing,
    /// The check (from 0) after whose success this one begins.
    pub after: Option<usize>,
}

/// When a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At some moment; within so many seconds, if a number is given.
    Eventually(Option<u64>),
    /// For so many seconds without a gap.
    Holds(u64),
    /// At every moment until all else is done.
    Always,
    /// At no moment until all else is done.
    Never,
}

/// A pattern and its text.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    /// Ready to match.
    pub regex: Regex,
}

/// A span of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Not less.
    pub min: f64,
    /// Not more.
    pub max: f64,
}

impl Range {
    /// Whether a number is in it.
    pub fn has(&self, n: f64) -> bool {
        self.min <= n && n <= self.max
    }
}

/// What is counted of a client since the step began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Requests sent.
    Sent,
    /// Requests answered below 400.
    Ok,
    /// Requests that failed.
    Failed,
}

/// A condition on the state of the cluster and on what was done since the step began.
#[derive(Clone, Debug)]
pub enum Condition {
    /// So many objects are so.
    Count(Box<Objects>, Range),
    /// A service has so many ready endpoints.
    Endpoints {
        /// Its namespace.
        namespace: String,
        /// Its name.
        service: String,
        /// How many.
        ready: Range,
    },
    /// A line was typed (or made by the map); runs of blanks count as one.
    Typed(Pattern),
    /// A terminal printed it.
    Output(Pattern),
    /// A client's counter.
    Client {
        /// Its name.
        name: String,
        /// Which.
        counter: Counter,
        /// How much.
        range: Range,
    },
    /// All of them.
    All(Vec<Condition>),
    /// One of them at least.
    Any(Vec<Condition>),
    /// Not so.
    Not(Box<Condition>),
}

impl Condition {
    /// It asks for a client's counters, which change with every request.
    pub fn counts_requests(&self) -> bool {
        match self {
            Condition::Client { .. } => true,
            Condition::All(list) | Condition::Any(list) => list.iter().any(Condition::counts_requests),
            Condition::Not(inner) => inner.counts_requests(),
            _ => false,
        }
    }
}

/// Objects of a kind that are so.
#[derive(Clone, Debug)]
pub struct Objects {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; none: all.
    pub namespace: Option<String>,
    /// What their labels must match.
    pub selector: Selector,
    /// What their whole name must match.
    pub name: Option<Pattern>,
    /// True: made since the step began; false: there before.
    pub new: Option<bool>,
    /// What their fields must be.
    pub fields: Vec<Field>,
}

/// A piece of a path to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A key of an object.
    Key(String),
    /// A place in a list.
    At(usize),
    /// Every item of a list: one that fits is enough.
    Each,
}

/// A condition on a field.
#[derive(Clone, Debug)]
pub struct Field {
    /// The way to it.
    pub path: Vec<Piece>,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug)]
pub enum Test {
    /// It has this value.
    Is(Value),
    /// It has another value, or is not there.
    Not(Value),
    /// It is there, or is not.
    Exists(bool),
    /// It is a number in this span.
    Within(Range),
    /// Its text matches.
    Matches(Pattern),
}

/// Help.
#[derive(Clone, Debug)]
pub struct Hint {
    /// 1: a question back, 2: a direction, 3: what to type.
    pub rung: u8,
    /// When it fits; the first hint of its rung that does is shown.
    pub when: Option<Condition>,
    /// What it says.
    pub text: Text,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A line is typed. `{pod:app=web}` stands for the first pod with that label, `{pod:app=web#2}` for the second.
    Line(String),
    /// A file is written.
    File(String, String),
    /// In a file a text is replaced by another, everywhere.
    Replace(String, String, String),
    /// A fault (placeholders as in lines).
    Fault(Value),
    /// A client begins.
    Client(ClientSpec),
    /// A client ends.
    RemoveClient(String),
    /// Ctrl+C.
    Interrupt,
    /// So many seconds pass.
    Wait(u64),
}

/// An answer that does not pass.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// What is done.
    pub deeds: Vec<Deed>,
    /// The check (from 0) that is not done then.
    pub check: Option<usize>,
    /// The hint (from 0) that is shown then on its rung.
    pub hint: Option<usize>,
}

/// The tab of the inspector that a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookTab {
    /// The main facts.
    Summary,
    /// The object as YAML.
    Yaml,
    /// Its events.
    Events,
    /// Its chain of causes.
    Why,
}

/// Something worth a look.
#[derive(Clone, Debug)]
pub struct Look {
    /// What the link says.
    pub say: Text,
    /// Where it leads.
    pub to: LookAt,
}

/// Where a link leads.
#[derive(Clone, Debug)]
pub enum LookAt {
    /// The first object (by name) that is so, on a tab of the inspector.
    Object(Box<Objects>, LookTab),
    /// The moment at which a step (from 0) began.
    Moment(usize),
}
