//! CEL, the language of validation rules and admission policies: its grammar, what can be known of an expression before
//! it runs, and its evaluation with Kubernetes' own functions. (Models cel-go and apiserver `pkg/cel`.)
//!
//! Invariant: whatever text a person writes and whatever object it looks at, nothing here panics or overflows the stack,
//! and every evaluation ends: each step and each byte that is made costs, and [`Budget`] is finite. It knows no store and
//! no request; who may do what is asked through [`Authorizer`].

mod check;
mod eval;
mod functions;
mod lex;
mod library;
mod net;
mod operators;
mod parse;
mod signatures;
mod text;
mod time;
pub mod types;
pub mod value;

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;

pub use eval::{Budget, Scope};
pub use types::{Fields, Ty};
pub use value::Val;

use parse::Expr;

/// What an evaluation of one expression may cost.
pub const PER_CALL: u64 = 500_000;
/// What all evaluations of one request or object may cost.
pub const PER_REQUEST: u64 = 2_000_000;
/// The same for what a component asks: there are thousands of such requests, and nobody waits for one of them.
pub const PER_COMPONENT: u64 = 100_000;

/// What is wrong with a text, and at which character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    at: usize,
    message: String,
}

impl CompileError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        CompileError { at, message: message.into() }
    }

    fn trimmed(mut self) -> Self {
        self.message.truncate(self.message.trim_end().len());
        self
    }

    /// As cel-go shows it: the place, the words, the line and a mark below it.
    pub fn shown(&self, text: &str) -> String {
        let before: Vec<char> = text.chars().take(self.at).collect();
        let line = before.iter().filter(|c| **c == '\n').count();
        let column = before.iter().rev().take_while(|c| **c != '\n').count();
        let shown: String = text.split('\n').nth(line).unwrap_or_default().replace('\t', " ");
        let dots = ".".repeat(column);
        format!("ERROR: <input>:{}:{}: {}\n | {shown}\n | {dots}^", line + 1, column + 1, self.message)
    }
}

/// What went wrong while an expression ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An error of the expression; `&&` and `||` may do without its value.
    Error(String),
    /// The budget is spent.
    Budget,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Error(why) => f.write_str(why),
            Failure::Budget => f.write_str("operation cancelled: actual cost limit exceeded"),
        }
    }
}

fn fail<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Error(why.into()))
}

/// Whom `authorizer` asks.
pub trait Authorizer {
    /// Does a user (none: whoever makes the request) get what is asked for? The reason comes along.
    fn check(&self, asked: &value::Question) -> (bool, String);
}

/// An expression that has been read and checked.
#[derive(Clone, Debug)]
pub struct Program {
    expr: Expr,
    ty: Ty,
}

impl Program {
    /// Reads an expression and checks it against the names that it may use.
    ///
    /// # Errors
    /// All that is wrong with it, as cel-go shows it, each in its own lines.
    pub fn compile(text: &str, names: &Fields) -> Result<Program, String> {
        let expr = parse::parse(text).map_err(|e| e.shown(text))?;
        match check::check(&expr, names) {
            Ok(ty) => Ok(Program { expr, ty }),
            Err(errors) => Err(errors.iter().map(|e| e.shown(text)).collect::<Vec<_>>().join("\n")),
        }
    }

    /// The type of its value.
    pub fn ty(&self) -> &Ty {
        &self.ty
    }

    /// Does it say this name?
    pub fn mentions(&self, name: &str) -> bool {
        self.expr.mentions(name)
    }

    /// Its value.
    ///
    /// # Errors
    /// What went wrong.
    pub fn run(&self, scope: &Scope<'_>, budget: &mut Budget) -> Result<Val, Failure> {
        eval::run(&self.expr, scope, budget)
    }
}
