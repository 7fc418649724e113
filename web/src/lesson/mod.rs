//! A lesson that is being worked on, beside the session in which it happens: which step is shown, how its checks
//! stand, what was answered. The judge is the core's; what is kept of it is small and plain, so that it survives a
//! reload and travels in a link.

pub mod progress;
pub mod shelf;
pub mod start;

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::{Advance, Cluster};
use kubarium_core::lesson::model::{Lesson, Step, StepKind, Text};
use kubarium_core::lesson::{Mark, Start, Watch};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

use crate::i18n::Lang;

/// A text in the page's language.
pub fn say(lang: Lang, text: &Text) -> &str {
    match lang {
        Lang::En => &text.en,
        Lang::Ko => &text.ko,
    }
}

/// How a step went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Went {
    /// Where it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// It was done.
    #[serde(default)]
    pub passed: bool,
    /// The option that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<usize>,
    /// The rung of help that was asked for.
    #[serde(default)]
    pub rung: u8,
    /// Beginnings anew.
    #[serde(default)]
    pub again: u32,
}

/// What is kept of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptRun {
    /// Its name on the shelf.
    pub id: String,
    /// Its file, where it is not on the shelf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The step that is shown.
    pub step: usize,
    /// How the steps went.
    #[serde(default)]
    pub went: Vec<Went>,
}

/// A lesson that is being worked on.
#[derive(Clone, Debug)]
pub struct Run {
    /// The lesson.
    pub lesson: Rc<Lesson>,
    /// Its file, where it is not on the shelf.
    pub text: Option<Rc<str>>,
    /// The step that is shown.
    pub step: usize,
    /// How the steps went.
    pub went: Vec<Went>,
    watch: Watch,
    marks: Vec<Mark>,
    /// Grows with everything that a panel shows of it.
    pub version: u32,
}

impl Run {
    /// Begins at the first step.
    pub fn begin(lesson: Rc<Lesson>, text: Option<Rc<str>>, cluster: &Cluster) -> Run {
        let kept = KeptRun { id: lesson.id.clone(), ..KeptRun::default() };
        Run::resume(lesson, text, &kept, cluster)
    }

    /// Goes on where it was left.
    pub fn resume(lesson: Rc<Lesson>, text: Option<Rc<str>>, kept: &KeptRun, cluster: &Cluster) -> Run {
        let mut went = kept.went.clone();
        went.resize(lesson.steps.len(), Went::default());
        let step = kept.step.min(lesson.steps.len().saturating_sub(1));
        let mut run = Run { lesson, text, step, went, watch: Watch::begin(&[], cluster), marks: vec![], version: 0 };
        run.open(cluster);
        run
    }

    /// What is kept of it.
    pub fn kept(&self) -> KeptRun {
        KeptRun {
            id: self.lesson.id.clone(),
            text: self.text.as_deref().map(str::to_owned),
            step: self.step,
            went: self.went.clone(),
        }
    }

    /// The step that is shown.
    pub fn here(&self) -> &Step {
        &self.lesson.steps[self.step]
    }

    /// How it went so far.
    pub fn now(&self) -> &Went {
        &self.went[self.step]
    }

    fn open(&mut self, cluster: &Cluster) {
        let step = &self.lesson.steps[self.step];
        let went = &mut self.went[self.step];
        let start = went.start.get_or_insert_with(|| Start::here(cluster)).clone();
        if matches!(step.kind, StepKind::Read | StepKind::Why) {
            went.passed = true;
        }
        let checks = if went.passed { &[][..] } else { &step.checks[..] };
        self.watch = Watch::again(start, checks, cluster);
        self.took_note();
    }

    /// Shows another step.
    pub fn go(&mut self, step: usize, cluster: &Cluster) {
        self.step = step.min(self.lesson.steps.len() - 1);
        self.open(cluster);
        self.version += 1;
    }

    /// Begins the step that is shown anew, from here.
    pub fn again_from(&mut self, cluster: &Cluster) {
        let went = &mut self.went[self.step];
        went.start = Some(Start::here(cluster));
        went.again += 1;
        went.passed = false;
        self.open(cluster);
        self.version += 1;
    }

    /// Chooses an option.
    pub fn answer(&mut self, option: usize) {
        let went = &mut self.went[self.step];
        // the first answer is the one that counts
        went.answer.get_or_insert(option);
        went.passed = true;
        self.version += 1;
    }

    /// Goes up a rung of help.
    pub fn help(&mut self) {
        let went = &mut self.went[self.step];
        went.rung = (went.rung + 1).min(3);
        self.version += 1;
    }

    /// The session was rewound or restored: what happened since the step began is judged again.
    pub fn rewound(&mut self, cluster: &Cluster) {
        if !self.now().passed {
            let checks = &self.lesson.steps[self.step].checks;
            self.watch = Watch::again(self.watch.start.clone(), checks, cluster);
            self.took_note();
        }
    }

    /// An input is about to come: from a past before the step, it is the step's new beginning.
    pub fn before_input(&mut self, cluster: &Cluster) {
        if !self.now().passed && cluster.now() < self.watch.start.at {
            let start = Start::here(cluster);
            self.went[self.step].start = Some(start.clone());
            self.watch = Watch::again(start, &self.lesson.steps[self.step].checks, cluster);
        }
    }

    /// Looks at what has changed. True: something that is shown has.
    pub fn look(&mut self, cluster: &Cluster) -> bool {
        if self.now().passed {
            return false;
        }
        self.watch.look(&self.lesson.steps[self.step].checks, cluster);
        self.took_note()
    }

    fn took_note(&mut self) -> bool {
        let checks = &self.lesson.steps[self.step].checks;
        let went = &mut self.went[self.step];
        let marks = if went.passed { vec![Mark::Done; checks.len()] } else { self.watch.marks(checks) };
        let passed = self.watch.passed().is_some() && !checks.is_empty();
        let changed = marks != self.marks || passed != went.passed && passed;
        went.passed |= passed;
        self.marks = if went.passed { vec![Mark::Done; checks.len()] } else { marks };
        if changed {
            self.version += 1;
        }
        changed
    }

    /// Carries out events, and looks after each.
    pub fn advance(&mut self, cluster: &mut Cluster, until: SimTime, budget: u64) -> Advance {
        if self.now().passed {
            return cluster.advance(until, budget);
        }
        let done = self.watch.advance(&self.lesson.steps[self.step].checks, cluster, until, budget);
        self.took_note();
        done
    }

    /// How each check of the step stands.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Something went wrong that only a new beginning mends.
    pub fn failed(&self) -> bool {
        !self.now().passed && self.watch.failed()
    }

    /// For how long a check has held, and must.
    pub fn held(&self, check: usize, now: SimTime) -> Option<(u64, u64)> {
        if self.now().passed {
            return None;
        }
        self.watch.held(&self.here().checks, check, now)
    }

    /// The judge of the step, for hints and links.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Steps that ask for something, and how many of them are done.
    pub fn count(&self) -> (usize, usize) {
        let asks = |s: &Step| matches!(s.kind, StepKind::Act | StepKind::Predict);
        let all = self.lesson.steps.iter().zip(&self.went).filter(|(s, _)| asks(s));
        all.fold((0, 0), |(done, n), (_, w)| (done + usize::from(w.passed), n + 1))
    }

    /// Everything is done, and the last step was reached.
    pub fn finished(&self) -> bool {
        let (done, all) = self.count();
        done == all && self.step + 1 == self.lesson.steps.len()
    }
}
