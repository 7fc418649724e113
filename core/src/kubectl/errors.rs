//! What kubectl says when something went wrong. (Models kubectl/pkg/cmd/util helpers: checkErr, StandardErrorMessage.)

use crate::api::error::Status;
use crate::apiserver::request::REFUSED;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq)]
pub enum CmdError {
    /// Found out by kubectl itself: `error: …`.
    Client(String),
    /// The API server refused.
    Api(Status),
    /// Printed as it stands, without `error: `.
    Plain(String),
    /// Several errors, each printed by itself.
    Many(Vec<CmdError>),
    /// Everything has been said; only the exit code is left.
    Exit(i32),
}

impl From<Status> for CmdError {
    fn from(s: Status) -> Self {
        CmdError::Api(s)
    }
}

impl CmdError {
    /// An error kubectl finds by itself.
    pub fn client(text: impl Into<String>) -> Self {
        CmdError::Client(text.into())
    }

    /// A wrong use of a command; `path` is `kubectl create deployment`.
    pub fn usage(path: &str, text: impl AsRef<str>) -> Self {
        CmdError::Client(format!("{}\nSee '{path} -h' for help and examples", text.as_ref()))
    }

    /// One error from many: none, the single one, or the list.
    pub fn collect(mut errors: Vec<CmdError>) -> Result<(), CmdError> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(CmdError::Many(errors)),
        }
    }

    /// Says which file was being worked on, and how: `error when creating "f.yaml": …`. 422 answers get it too, but
    /// show it only in a list of errors.
    pub fn with_source(self, verb: &str, source: &str) -> Self {
        if source.is_empty() {
            return self;
        }
        match self {
            CmdError::Api(mut s) => {
                s.message = format!("error when {verb} {source:?}: {}", s.message);
                CmdError::Api(s)
            }
            CmdError::Client(t) => CmdError::Client(format!("error when {verb} {source:?}: {t}")),
            other => other,
        }
    }

    /// Puts words before the message: `failed to create deployment: …` makes a client error of any error.
    pub fn wrap(self, prefix: &str) -> Self {
        CmdError::Client(format!("{prefix}: {}", self.text()))
    }

    /// The bare message, as Go's `err.Error()` gives it.
    pub fn text(&self) -> String {
        match self {
            CmdError::Client(t) | CmdError::Plain(t) => t.clone(),
            CmdError::Api(s) if s.reason == REFUSED => no_server(),
            CmdError::Api(s) => s.message.clone(),
            CmdError::Many(v) => {
                let mut seen: Vec<String> = vec![];
                for t in v.iter().map(CmdError::text) {
                    if !seen.contains(&t) {
                        seen.push(t);
                    }
                }
                if seen.len() == 1 { seen.remove(0) } else { format!("[{}]", seen.join(", ")) }
            }
            CmdError::Exit(_) => String::new(),
        }
    }

    /// Is this the API server's "not found"?
    pub fn is_not_found(&self) -> bool {
        matches!(self, CmdError::Api(s) if s.reason == "NotFound")
    }

    /// Is this the API server's "conflict"?
    pub fn is_conflict(&self) -> bool {
        matches!(self, CmdError::Api(s) if s.reason == "Conflict")
    }

    /// What goes to standard error, and the exit code.
    pub fn render(&self) -> (String, i32) {
        let text = match self {
            CmdError::Exit(code) => return (String::new(), *code),
            CmdError::Api(s) if s.reason == "Invalid" => invalid(s),
            CmdError::Api(s) => standard(s),
            CmdError::Many(errors) => errors.iter().map(|e| line(&e.in_list())).collect(),
            CmdError::Plain(t) => t.clone(),
            CmdError::Client(t) if t.starts_with("error: ") => t.clone(),
            CmdError::Client(t) => format!("error: {t}"),
        };
        (line(&text), 1)
    }

    fn in_list(&self) -> String {
        match self {
            CmdError::Api(s) => standard(s),
            other => other.text(),
        }
    }
}

fn line(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_string() } else { format!("{text}\n") }
}

/// What is said when nobody answers.
fn no_server() -> String {
    let host = super::cmd::config::SERVER.trim_start_matches("https://");
    format!("The connection to the server {host} was refused - did you specify the right host or port?")
}

fn standard(s: &Status) -> String {
    match s.reason.as_str() {
        REFUSED => no_server(),
        "Unauthorized" => format!("error: You must be logged in to the server ({})", s.message),
        "" => format!("Error from server: {}", s.message),
        reason => format!("Error from server ({reason}): {}", s.message),
    }
}

fn invalid(s: &Status) -> String {
    let mut head = "The request is invalid".to_string();
    if s.details.is_null() {
        if !s.message.is_empty() {
            head = format!("{head}: {}", s.message);
        }
        return head;
    }
    let detail = |k: &str| s.details[k].as_str().unwrap_or_default();
    let mut causes: Vec<String> = vec![];
    for c in s.details["causes"].as_array().into_iter().flatten() {
        let part = |k: &str| c[k].as_str().unwrap_or_default();
        let text = format!("{}: {}", part("field"), part("message"));
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    if !detail("kind").is_empty() || !detail("name").is_empty() {
        head = format!("The {} {:?} is invalid", detail("kind"), detail("name"));
    } else if !s.message.is_empty() && causes.is_empty() {
        head = format!("{head}: {}", s.message);
    }
    match causes.as_slice() {
        [] => head,
        [one] => format!("{head}: {one}\n"),
        many => {
            let list: String = many.iter().map(|c| format!("* {c}\n")).collect();
            format!("{head}: \n{list}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::FieldError;

    #[test]
    fn invalid_objects_list_their_causes() {
        let one = Status::invalid("Deployment.apps", "web", &[FieldError::required("spec.selector", "")]);
        assert_eq!(
            CmdError::Api(one.clone()).render().0,
            "The Deployment \"web\" is invalid: spec.selector: Required value\n"
        );
        let many = Status::invalid("Pod", "a", &[FieldError::required("x", ""), FieldError::required("y", "")]);
        assert_eq!(
            CmdError::Api(many.clone()).render().0,
            "The Pod \"a\" is invalid: \n* x: Required value\n* y: Required value\n"
        );
        let both = CmdError::Many(vec![CmdError::Api(one).with_source("creating", "f.yaml"), CmdError::client("b")]);
        assert_eq!(
            both.render().0,
            "Error from server (Invalid): error when creating \"f.yaml\": Deployment.apps \"web\" is invalid: spec.selector: Required value\nb\n"
        );
    }
}
