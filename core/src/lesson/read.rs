//! Reads a lesson's file. A hand-written reader, so that each complaint names its place in words that help.

use super::model::*;
use super::{
    MAX_DEEDS, MAX_FILES, MAX_NODES, MAX_PARTS, MAX_PATTERN, MAX_SECONDS, MAX_STEPS, MAX_TEXT, MAX_WORDS, play,
};
use crate::api::kinds;
use crate::api::labels::Selector;
use crate::api::yaml;
use crate::network::clients::ClientSpec;
use crate::store::Kind;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// What is wrong in a lesson's file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonError {
    /// `steps[2].checks[1]`, counted from 1; empty for the file as a whole.
    pub place: String,
    /// What.
    pub problem: String,
}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.place, self.problem) }
    }
}

type Res<T> = Result<T, LessonError>;

/// A value and its place.
#[derive(Clone)]
struct At<'a> {
    value: &'a Value,
    place: String,
}

/// An object's fields and its place.
struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: String,
}

impl<'a> At<'a> {
    fn err<T>(&self, problem: impl Into<String>) -> Res<T> {
        Err(LessonError { place: self.place.clone(), problem: problem.into() })
    }

    /// An object that has no other fields than these.
    fn fields(&self, known: &[&str]) -> Res<Fields<'a>> {
        let Some(map) = self.value.as_object() else { return self.err("must be a mapping of fields") };
        if let Some(odd) = map.keys().find(|k| !known.contains(&k.as_str())) {
            return self.err(format!("unknown field {odd:?}; known are {}", known.join(", ")));
        }
        Ok(Fields { map, place: self.place.clone() })
    }

    fn list(&self, most: usize) -> Res<Vec<At<'a>>> {
        let Some(list) = self.value.as_array() else { return self.err("must be a list") };
        if list.len() > most {
            return self.err(format!("has {} items; at most {most} are allowed", list.len()));
        }
        let item = |(i, value): (usize, &'a Value)| At { value, place: format!("{}[{}]", self.place, i + 1) };
        Ok(list.iter().enumerate().map(item).collect())
    }

    fn str(&self, most: usize) -> Res<&'a str> {
        match self.value.as_str() {
            Some(s) if s.chars().count() > most => self.err(format!("is longer than {most} characters")),
            Some(s) => Ok(s),
            None => self.err("must be a text"),
        }
    }

    fn number(&self, most: u64) -> Res<u64> {
        match self.value.as_u64() {
            Some(n) if n > most => self.err(format!("must be at most {most}")),
            Some(n) => Ok(n),
            None => self.err("must be a whole number that is not negative"),
        }
    }

    fn bool(&self) -> Res<bool> {
        self.value.as_bool().map_or_else(|| self.err("must be true or false"), Ok)
    }

    fn float(&self) -> Res<f64> {
        self.value.as_f64().map_or_else(|| self.err("must be a number"), Ok)
    }

    fn text(&self) -> Res<Text> {
        let f = self.fields(&["en", "ko"])?;
        let part = |key| -> Res<String> {
            let at = f.need(key)?;
            let s = at.str(MAX_WORDS)?.trim();
            if s.is_empty() { at.err("is empty") } else { Ok(s.to_owned()) }
        };
        Ok(Text { en: part("en")?, ko: part("ko")? })
    }

    fn pattern(&self) -> Res<Pattern> {
        let text = self.str(MAX_PATTERN)?.to_owned();
        match regex_lite::RegexBuilder::new(&text).size_limit(1 << 18).build() {
            Ok(regex) => Ok(Pattern { text, regex }),
            Err(e) => self.err(format!("is no pattern: {e}")),
        }
    }

    /// The number of a thing in a list, counted from 1; from 0 inside.
    fn nth(&self) -> Res<usize> {
        match self.number(1_000)? {
            0 => self.err("is counted from 1"),
            n => Ok(n as usize - 1),
        }
    }
}

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<At<'a>> {
        let value = self.map.get(key).filter(|v| !v.is_null())?;
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        Some(At { value, place })
    }

    fn need(&self, key: &str) -> Res<At<'a>> {
        match self.get(key) {
            Some(at) => Ok(at),
            None => Err(LessonError { place: self.place.clone(), problem: format!("{key} is missing") }),
        }
    }

    fn err<T>(&self, problem: impl Into<String>) -> Res<T> {
        Err(LessonError { place: self.place.clone(), problem: problem.into() })
    }

    fn each<T>(&self, key: &str, most: usize, read: impl Fn(&At<'a>) -> Res<T>) -> Res<Vec<T>> {
        match self.get(key) {
            Some(at) => at.list(most)?.iter().map(read).collect(),
            None => Ok(vec![]),
        }
    }

    fn text(&self, key: &str) -> Res<Option<Text>> {
        self.get(key).map(|at| at.text()).transpose()
    }

    /// The one of these fields that is there.
    fn one(&self, keys: &[&'static str]) -> Res<&'static str> {
        let mut there = keys.iter().filter(|k| self.map.contains_key(**k));
        match (there.next(), there.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => self.err(format!("needs one of {}", keys.join(", "))),
            (Some(a), Some(b)) => self.err(format!("{a} and {b} do not go together")),
        }
    }
}

/// Reads a lesson.
///
/// # Errors
/// The first thing that is wrong, and its place.
pub fn read(text: &str) -> Result<Lesson, LessonError> {
    let whole = |problem: String| LessonError { place: String::new(), problem };
    if text.len() > MAX_TEXT {
        return Err(whole(format!("the file is larger than {MAX_TEXT} bytes")));
    }
    let value = yaml::read_value(text).map_err(|e| whole(format!("not YAML: {e}")))?;
    if value.is_null() {
        return Err(whole("the file is empty".into()));
    }
    lesson(&At { value: &value, place: String::new() })
}

fn lesson(at: &At) -> Res<Lesson> {
    let f = at.fields(&[
        "id", "chapter", "title", "goal", "minutes", "nodes", "seed", "files", "open", "setup", "start", "steps",
        "notes",
    ])?;
    let name = |at: At| -> Res<String> {
        let s = at.str(60)?;
        let fine = !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fine { Ok(s.to_owned()) } else { at.err("takes lower-case letters, digits and hyphens") }
    };
    let id = name(f.need("id")?)?;
    let chapter = f.get("chapter").map(name).transpose()?.unwrap_or_default();
    let mut files = BTreeMap::new();
    if let Some(at) = f.get("files") {
        let Some(map) = at.value.as_object() else { return at.err("must be a mapping of names to texts") };
        if map.len() > MAX_FILES {
            return at.err(format!("has {} files; at most {MAX_FILES} are allowed", map.len()));
        }
        for (name, value) in map {
            let text = At { value, place: format!("{}.{name}", at.place) };
            file_name(&text, name)?;
            files.insert(name.clone(), text.str(60_000)?.to_owned());
        }
    }
    let open = f.get("open").map(|a| a.str(60)).transpose()?.unwrap_or_default().to_owned();
    if !open.is_empty() && !files.contains_key(&open) {
        return f.need("open")?.err(format!("there is no file {open:?}"));
    }
    let setup: Vec<(u64, Deed)> = f.each("setup", MAX_DEEDS, timed)?;
    if setup.windows(2).any(|w| w[1].0 < w[0].0) {
        return f.need("setup")?.err("must be in the order of its times");
    }
    let start = f.get("start").map(|a| a.number(MAX_SECONDS * 1_000)).transpose()?.unwrap_or(1_000);
    let steps: Vec<Step> = f.need("steps")?.list(MAX_STEPS)?.iter().map(step).collect::<Res<_>>()?;
    if steps.is_empty() {
        return f.need("steps")?.err("a lesson has at least one step");
    }
    for (i, s) in steps.iter().enumerate() {
        let late = |l: &Look| matches!(l.to, LookAt::Moment(m) if m > i);
        if s.look.iter().any(late) {
            let place = format!("steps[{}].look", i + 1);
            return Err(LessonError { place, problem: "a moment must be that of a step before".into() });
        }
    }
    Ok(Lesson {
        id,
        chapter,
        title: f.need("title")?.text()?,
        goal: f.need("goal")?.text()?,
        minutes: f.get("minutes").map(|a| a.number(120)).transpose()?.unwrap_or(10),
        nodes: f.get("nodes").map(|a| a.number(MAX_NODES as u64)).transpose()?.unwrap_or(3) as usize,
        seed: f.get("seed").map(|a| a.number(u64::from(u32::MAX))).transpose()?.unwrap_or(7),
        files,
        open,
        setup,
        start,
        steps,
        notes: f.text("notes")?,
    })
}

fn file_name(at: &At, name: &str) -> Res<()> {
    let fine = !name.is_empty() && name.len() <= 60 && !name.contains(['/', '\\', ' ', '\n']);
    if fine { Ok(()) } else { at.err("is no name for a file") }
}

const KINDS: [&str; 4] = ["read", "predict", "act", "why"];

fn step(at: &At) -> Res<Step> {
    let mut known = KINDS.to_vec();
    known.extend(["title", "options", "checks", "hints", "solution", "wrong", "look", "notes"]);
    let f = at.fields(&known)?;
    let key = f.one(&KINDS)?;
    let kind = match key {
        "read" => StepKind::Read,
        "predict" => StepKind::Predict,
        "act" => StepKind::Act,
        _ => StepKind::Why,
    };
    let takes: &[&str] = match kind {
        StepKind::Predict => &["options"],
        StepKind::Act => &["checks", "hints", "solution", "wrong"],
        _ => &[],
    };
    let only = ["options", "checks", "hints", "solution", "wrong"];
    if let Some(odd) = only.iter().find(|k| f.map.contains_key(**k) && !takes.contains(k)) {
        return f.err(format!("a step to {key} takes no {odd}"));
    }
    let checks: Vec<Check> = f.each("checks", MAX_PARTS, check)?;
    for (i, c) in checks.iter().enumerate() {
        if c.after.is_some_and(|a| a >= i) {
            let place = format!("{}.checks[{}].after", at.place, i + 1);
            return Err(LessonError { place, problem: "must be the number of a check before".into() });
        }
    }
    let options: Vec<Choice> = f.each("options", 6, choice)?;
    let hints: Vec<Hint> = f.each("hints", MAX_PARTS, hint)?;
    let wrong: Vec<Wrong> = f.each("wrong", MAX_PARTS, wrong)?;
    match kind {
        StepKind::Predict if options.len() < 2 || !options.iter().any(|o| o.right) => {
            return f.err("a question has two or more options, and one that is right");
        }
        StepKind::Act if !checks.iter().any(|c| !matches!(c.time, Timing::Always | Timing::Never)) => {
            return f.err("needs a check that can come true");
        }
        _ => {}
    }
    if wrong.iter().any(|w| w.check.is_some_and(|c| c >= checks.len()) || w.hint.is_some_and(|h| h >= hints.len())) {
        return f.need("wrong")?.err("names a check or a hint that is not there");
    }
    Ok(Step {
        kind,
        title: f.text("title")?,
        text: f.need(key)?.text()?,
        options,
        checks,
        hints,
        solution: f.each("solution", MAX_DEEDS, deed)?,
        wrong,
        look: f.each("look", MAX_PARTS, look)?,
        notes: f.text("notes")?,
    })
}

fn choice(at: &At) -> Res<Choice> {
    let f = at.fields(&["text", "right", "debrief"])?;
    Ok(Choice {
        text: f.need("text")?.text()?,
        right: f.get("right").map(|a| a.bool()).transpose()?.unwrap_or(false),
        debrief: f.need("debrief")?.text()?,
    })
}

const CONDITIONS: [&str; 8] = ["count", "endpoints", "typed", "output", "client", "all", "any", "not"];

fn check(at: &At) -> Res<Check> {
    let mut known = CONDITIONS.to_vec();
    known.extend(["say", "within", "holds", "always", "never", "after"]);
    let f = at.fields(&known)?;
    let times = ["within", "holds", "always", "never"];
    let time = if times.iter().any(|t| f.map.contains_key(*t)) {
        let key = f.one(&times)?;
        let at = f.need(key)?;
        match key {
            "within" => Timing::Eventually(Some(at.number(MAX_SECONDS)?)),
            "holds" => Timing::Holds(at.number(MAX_SECONDS)?),
            _ if !at.bool()? => return at.err("is true, or left out"),
            "always" => Timing::Always,
            _ => Timing::Never,
        }
    } else {
        Timing::Eventually(None)
    };
    Ok(Check {
        say: f.need("say")?.text()?,
        that: condition(&f, 0)?,
        time,
        after: f.get("after").map(|a| a.nth()).transpose()?,
    })
}

fn condition(f: &Fields, depth: usize) -> Res<Condition> {
    let key = f.one(&CONDITIONS)?;
    let at = f.need(key)?;
    let nested = |at: &At| condition(&at.fields(&CONDITIONS)?, depth + 1);
    if depth > 4 {
        return at.err("is nested too deeply");
    }
    Ok(match key {
        "count" => {
            let mut known = OBJECTS.to_vec();
            known.extend(RANGE);
            let f = at.fields(&known)?;
            Condition::Count(Box::new(objects(&f)?), range(&f)?.unwrap_or(Range { min: 1.0, max: f64::INFINITY }))
        }
        "endpoints" => {
            let f = at.fields(&["service", "namespace", "is", "min", "max"])?;
            Condition::Endpoints {
                namespace: f.get("namespace").map(|a| a.str(63)).transpose()?.unwrap_or("default").to_owned(),
                service: f.need("service")?.str(253)?.to_owned(),
                ready: range(&f)?.unwrap_or(Range { min: 1.0, max: f64::INFINITY }),
            }
        }
        "typed" => Condition::Typed(at.pattern()?),
        "output" => Condition::Output(at.pattern()?),
        "client" => {
            let f = at.fields(&["name", "counter", "is", "min", "max"])?;
            let counter = f.need("counter")?;
            Condition::Client {
                name: f.need("name")?.str(63)?.to_owned(),
                counter: match counter.str(20)? {
                    "sent" => Counter::Sent,
                    "ok" => Counter::Ok,
                    "failed" => Counter::Failed,
                    _ => return counter.err("is sent, ok or failed"),
                },
                range: match range(&f)? {
                    Some(range) => range,
                    None => return f.err("needs is, min or max"),
                },
            }
        }
        "all" | "any" => {
            let list = at.list(MAX_PARTS)?.iter().map(nested).collect::<Res<Vec<_>>>()?;
            if key == "all" { Condition::All(list) } else { Condition::Any(list) }
        }
        _ => Condition::Not(Box::new(nested(&at)?)),
    })
}

const RANGE: [&str; 3] = ["is", "min", "max"];

fn range(f: &Fields) -> Res<Option<Range>> {
    let number = |key| f.get(key).map(|a| a.float()).transpose();
    let (is, min, max) = (number("is")?, number("min")?, number("max")?);
    Ok(match (is, min, max) {
        (None, None, None) => None,
        (Some(n), None, None) => Some(Range { min: n, max: n }),
        (Some(_), ..) => return f.err("is goes without min and max"),
        (None, min, max) => Some(Range { min: min.unwrap_or(f64::NEG_INFINITY), max: max.unwrap_or(f64::INFINITY) }),
    })
}

const OBJECTS: [&str; 6] = ["kind", "namespace", "selector", "name", "new", "where"];

fn objects(f: &Fields) -> Res<Objects> {
    let at = f.need("kind")?;
    let Some(info) = kinds::resolve(at.str(100)?) else { return at.err("is no kind that is known here") };
    let Some(kind) = Kind::of_info(info) else { return at.err("is a kind of which nothing is stored") };
    let namespace = match f.get("namespace").map(|a| a.str(63)).transpose()? {
        Some("*") => None,
        Some(ns) => Some(ns.to_owned()),
        None => info.namespaced.then(|| "default".to_owned()),
    };
    let selector = match f.get("selector") {
        None => Selector::everything(),
        Some(at) => match Selector::parse(at.str(500)?) {
            Ok(selector) => selector,
            Err(e) => return at.err(format!("is no selector: {e}")),
        },
    };
    let name = match f.get("name") {
        None => None,
        // the whole name
        Some(at) => {
            let whole = Value::String(format!("^(?:{})$", at.str(MAX_PATTERN)?));
            Some(At { value: &whole, place: at.place.clone() }.pattern()?)
        }
    };
    Ok(Objects {
        kind,
        namespace: if info.namespaced { namespace } else { None },
        selector,
        name,
        new: f.get("new").map(|a| a.bool()).transpose()?,
        fields: f.each("where", MAX_PARTS, field)?,
    })
}

fn field(at: &At) -> Res<Field> {
    let f = at.fields(&["path", "is", "not", "exists", "min", "max", "matches"])?;
    let path = f.need("path")?;
    let Some(pieces) = pieces(path.str(300)?) else { return path.err("is no path; write status.conditions[*].type") };
    let test = if f.map.contains_key("min") || f.map.contains_key("max") {
        f.one(&["min", "is", "not", "exists", "matches"])
            .or_else(|_| f.one(&["max", "is", "not", "exists", "matches"]))?;
        Test::Within(range(&f)?.unwrap_or(Range { min: 0.0, max: 0.0 }))
    } else {
        let key = f.one(&["is", "not", "exists", "matches"])?;
        let value = At { value: &f.map[key], place: format!("{}.{key}", f.place) };
        match key {
            "is" => Test::Is(value.value.clone()),
            "not" => Test::Not(value.value.clone()),
            "exists" => Test::Exists(value.bool()?),
            _ => Test::Matches(value.pattern()?),
        }
    };
    Ok(Field { path: pieces, test })
}

/// `metadata.labels['a.b/c']`, `spec.containers[0].image`, `status.conditions[*].type`
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut out = vec![];
    let mut rest = text.strip_prefix('.').unwrap_or(text);
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (piece, after) = match inner.strip_prefix('\'') {
                Some(key) => {
                    let (key, after) = key.split_once("']")?;
                    (Piece::Key(key.to_owned()), after)
                }
                None => {
                    let (n, after) = inner.split_once(']')?;
                    (if n == "*" { Piece::Each } else { Piece::At(n.parse().ok()?) }, after)
                }
            };
            out.push(piece);
            rest = after.strip_prefix('.').unwrap_or(after);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            out.push(Piece::Key(rest[..end].to_owned()));
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    (!out.is_empty() && out.len() <= 20).then_some(out)
}

fn hint(at: &At) -> Res<Hint> {
    let f = at.fields(&["rung", "when", "text"])?;
    let rung = f.need("rung")?;
    let n = rung.number(3)?;
    if n == 0 {
        return rung.err("is 1, 2 or 3");
    }
    let when = f.get("when").map(|a| condition(&a.fields(&CONDITIONS)?, 0)).transpose()?;
    Ok(Hint { rung: n as u8, when, text: f.need("text")?.text()? })
}

const DEEDS: [&str; 8] = ["line", "file", "replace", "fault", "client", "end", "interrupt", "wait"];

fn timed(at: &At) -> Res<(u64, Deed)> {
    let mut known = DEEDS.to_vec();
    known.push("at");
    let f = at.fields(&known)?;
    Ok((f.need("at")?.number(MAX_SECONDS * 1_000)?, deed_of(&f)?))
}

fn deed(at: &At) -> Res<Deed> {
    // a text by itself is a line
    if at.value.is_string() {
        return Ok(Deed::Line(at.str(2_000)?.to_owned()));
    }
    deed_of(&at.fields(&DEEDS)?)
}

fn deed_of(f: &Fields) -> Res<Deed> {
    let key = f.one(&DEEDS)?;
    let at = f.need(key)?;
    let part = |f: &Fields, key: &str| -> Res<String> { Ok(f.need(key)?.str(60_000)?.to_owned()) };
    Ok(match key {
        "line" => Deed::Line(at.str(2_000)?.to_owned()),
        "file" => {
            let f = at.fields(&["name", "text"])?;
            let name = f.need("name")?;
            file_name(&name, name.str(60)?)?;
            Deed::File(name.str(60)?.to_owned(), part(&f, "text")?)
        }
        "replace" => {
            let f = at.fields(&["file", "from", "to"])?;
            Deed::Replace(part(&f, "file")?, part(&f, "from")?, part(&f, "to")?)
        }
        "fault" => {
            if let Err(e) = play::fault(at.value) {
                return at.err(e);
            }
            Deed::Fault(at.value.clone())
        }
        "client" => match serde_json::from_value::<ClientSpec>(at.value.clone()) {
            Ok(spec) => Deed::Client(spec),
            Err(e) => return at.err(format!("is no client: {e}")),
        },
        "end" => Deed::RemoveClient(at.str(63)?.to_owned()),
        "interrupt" => {
            at.bool()?;
            Deed::Interrupt
        }
        _ => Deed::Wait(at.number(MAX_SECONDS)?),
    })
}

fn wrong(at: &At) -> Res<Wrong> {
    let f = at.fields(&["do", "check", "hint"])?;
    Ok(Wrong {
        deeds: f.need("do")?.list(MAX_DEEDS)?.iter().map(deed).collect::<Res<_>>()?,
        check: f.get("check").map(|a| a.nth()).transpose()?,
        hint: f.get("hint").map(|a| a.nth()).transpose()?,
    })
}

fn look(at: &At) -> Res<Look> {
    let f = at.fields(&["say", "object", "tab", "moment"])?;
    let to = match f.one(&["object", "moment"])? {
        "moment" => LookAt::Moment(f.need("moment")?.nth()?),
        _ => {
            let object = objects(&f.need("object")?.fields(&OBJECTS)?)?;
            let tab = match f.get("tab").map(|a| a.str(20)).transpose()? {
                None | Some("why") => LookTab::Why,
                Some("summary") => LookTab::Summary,
                Some("yaml") => LookTab::Yaml,
                Some("events") => LookTab::Events,
                Some(_) => return f.need("tab")?.err("is summary, yaml, events or why"),
            };
            LookAt::Object(Box::new(object), tab)
        }
    };
    Ok(Look { say: f.need("say")?.text()?, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "id: a\ntitle: {en: A, ko: 가}\ngoal: {en: G, ko: 나}\nsteps:\n- read: {en: R, ko: 다}\n";

    fn complaint(text: &str) -> String {
        read(text).expect_err("something is wrong").to_string()
    }

    #[test]
    fn a_small_lesson_is_read() {
        let lesson = read(SMALL).unwrap();
        assert_eq!((lesson.id.as_str(), lesson.nodes, lesson.steps.len()), ("a", 3, 1));
        assert_eq!(lesson.title.ko, "가");
    }

    #[test]
    fn complaints_name_their_place() {
        let more = |t: &str| complaint(&format!("{SMALL}{t}"));
        assert_eq!(complaint(""), "the file is empty");
        assert_eq!(complaint("id: A"), "id: takes lower-case letters, digits and hyphens");
        assert_eq!(
            more("- read: {en: x, ko: z}\n  foo: 1\n"),
            "steps[2]: unknown field \"foo\"; known are read, predict, act, why, title, options, checks, hints, solution, wrong, look, notes"
        );
        assert_eq!(more("- read: {en: x}\n"), "steps[2].read: ko is missing");
        assert_eq!(more("- read: {en: x, ko: ''}\n"), "steps[2].read.ko: is empty");
        assert_eq!(more("- act: {en: x, ko: z}\n"), "steps[2]: needs a check that can come true");
        assert_eq!(
            more("- act: {en: x, ko: z}\n  checks:\n  - {say: {en: x, ko: z}, count: {kind: pod, is: 1, min: 2}}\n"),
            "steps[2].checks[1].count: is goes without min and max"
        );
        assert_eq!(
            more("- act: {en: x, ko: z}\n  checks:\n  - {say: {en: x, ko: z}, typed: '('}\n").split(": is no").next(),
            Some("steps[2].checks[1].typed")
        );
        assert_eq!(
            more("- act: {en: x, ko: z}\n  checks:\n  - {say: {en: x, ko: z}, typed: a, holds: 3, never: true}\n"),
            "steps[2].checks[1]: holds and never do not go together"
        );
        assert_eq!(
            more("- read: {en: x, ko: z}\n  look: [{say: {en: x, ko: z}, moment: 4}]\n"),
            "steps[2].look: a moment must be that of a step before"
        );
        assert!(complaint("- a\n- b").contains("must be a mapping"));
        assert!(complaint("a: [").starts_with("not YAML"));
    }

    #[test]
    fn paths() {
        use Piece::{At, Each, Key};
        let key = |s: &str| Key(s.to_owned());
        assert_eq!(pieces("a.b[0].c"), Some(vec![key("a"), key("b"), At(0), key("c")]));
        assert_eq!(pieces("a['x.y/z'][*]"), Some(vec![key("a"), key("x.y/z"), Each]));
        assert_eq!(pieces("a..b"), None);
        assert_eq!(pieces("a[b]"), None);
        assert_eq!(pieces(""), None);
    }
}
