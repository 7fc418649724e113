//! Command flags and their parsing. (Models spf13/pflag: long and short forms, combined shorts, `--`, error texts.)

use super::errors::CmdError;
use std::collections::BTreeMap;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// true or false
    Bool,
    /// any text
    Str,
    /// a whole number
    Int,
    /// a span of time, as Go writes it (`5m`)
    Duration,
    /// texts; commas separate them, and the flag may come again
    List,
    /// texts, one per use of the flag
    Array,
}

/// One flag of a command.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The long name.
    pub name: &'static str,
    /// The one-letter name.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// The value when it is not given.
    pub default: &'static str,
    /// The value when it is given without one (`--dry-run`); bools have `true`.
    pub no_opt: Option<&'static str>,
    /// The command does not run without it.
    pub required: bool,
    /// What is said when it is used all the same.
    pub deprecated: Option<&'static str>,
    /// One line of help.
    pub help: &'static str,
}

impl Flag {
    /// A flag of a kind with a default.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
        let no_opt = if matches!(kind, Kind::Bool) { Some("true") } else { None };
        Flag { name, short: None, kind, default, no_opt, required: false, deprecated: None, help }
    }
    /// A bool, false by default.
    pub const fn bool(name: &'static str, help: &'static str) -> Flag {
        Self::new(name, Kind::Bool, "false", help)
    }
    /// A text, empty by default.
    pub const fn str(name: &'static str, help: &'static str) -> Flag {
        Self::new(name, Kind::Str, "", help)
    }
    /// A number.
    pub const fn int(name: &'static str, default: &'static str, help: &'static str) -> Flag {
        Self::new(name, Kind::Int, default, help)
    }
    /// A span of time.
    pub const fn duration(name: &'static str, default: &'static str, help: &'static str) -> Flag {
        Self::new(name, Kind::Duration, default, help)
    }
    /// Texts separated by commas.
    pub const fn list(name: &'static str, help: &'static str) -> Flag {
        Self::new(name, Kind::List, "", help)
    }
    /// Texts, one per use.
    pub const fn array(name: &'static str, help: &'static str) -> Flag {
        Self::new(name, Kind::Array, "", help)
    }
    /// With a one-letter name.
    pub const fn short(mut self, c: char) -> Flag {
        self.short = Some(c);
        self
    }
    /// With another default.
    pub const fn default(mut self, value: &'static str) -> Flag {
        self.default = value;
        self
    }
    /// With a value for the bare flag.
    pub const fn no_opt(mut self, value: &'static str) -> Flag {
        self.no_opt = Some(value);
        self
    }
    /// One that must be given.
    pub const fn required(mut self) -> Flag {
        self.required = true;
        self
    }
    /// One that should no longer be given.
    pub const fn deprecated(mut self, text: &'static str) -> Flag {
        self.deprecated = Some(text);
        self
    }
}

/// Flags every command has.
pub static GLOBAL: &[Flag] = &[
    Flag::str("namespace", "If present, the namespace scope for this CLI request").short('n'),
    Flag::str("context", "The name of the kubeconfig context to use"),
    Flag::str("cluster", "The name of the kubeconfig cluster to use"),
    Flag::str("user", "The name of the kubeconfig user to use"),
    Flag::str("kubeconfig", "Path to the kubeconfig file to use for CLI requests."),
    Flag::str("server", "The address and port of the Kubernetes API server").short('s'),
    Flag::str("as", "Username to impersonate for the operation."),
    Flag::array(
        "as-group",
        "Group to impersonate for the operation, this flag can be repeated to specify multiple groups.",
    ),
    Flag::str("as-uid", "UID to impersonate for the operation."),
    Flag::str("request-timeout", "The length of time to wait before giving up on a single server request.")
        .default("0"),
    Flag::array("as-user-extra", "User extras to impersonate for the operation, this flag can be repeated."),
    Flag::str("cache-dir", "Default cache directory").default("~/.kube/cache"),
    Flag::str("certificate-authority", "Path to a cert file for the certificate authority"),
    Flag::str("client-certificate", "Path to a client certificate file for TLS"),
    Flag::str("client-key", "Path to a client key file for TLS"),
    Flag::bool("disable-compression", "If true, opt-out of response compression for all requests to the server"),
    Flag::str("kuberc", "Path to the kuberc file to use for preferences."),
    Flag::duration("log-flush-frequency", "5s", "Maximum number of seconds between log flushes"),
    Flag::str("password", "Password for basic authentication to the API server"),
    Flag::str("profile", "Name of profile to capture. One of (none|cpu|heap|goroutine|threadcreate|block|mutex)")
        .default("none"),
    Flag::str("profile-output", "Name of the file to write the profile to").default("profile.pprof"),
    Flag::str("tls-server-name", "Server name to use for server certificate validation."),
    Flag::str("username", "Username for basic authentication to the API server"),
    Flag::str("vmodule", "comma-separated list of pattern=N settings for file-filtered logging"),
    Flag::str("token", "Bearer token for authentication to the API server"),
    Flag::bool("insecure-skip-tls-verify", "If true, the server's certificate will not be checked for validity."),
    Flag::bool("match-server-version", "Require server version to match client version"),
    Flag::bool("warnings-as-errors", "Treat warnings received from the server as errors"),
    Flag::int("v", "0", "number for the log level verbosity").short('v'),
    Flag::bool("help", "Help for the command").short('h'),
];

/// `-o` and what goes with it, for commands that print objects they made or changed.
pub static PRINT: &[Flag] = &[
    Flag::str("output", "Output format.").short('o'),
    Flag::str("template", "Template string or path to template file to use when -o=go-template, -o=go-template-file."),
    Flag::new(
        "allow-missing-template-keys",
        Kind::Bool,
        "true",
        "If true, ignore any errors in templates when a field or map key is missing.",
    ),
    Flag::bool("show-managed-fields", "If true, keep the managedFields when printing objects in JSON or YAML format."),
];

/// `-f`, `-k`, `-R`.
pub static FILENAME: &[Flag] = &[
    Flag::list("filename", "The files that contain the configurations.").short('f'),
    Flag::str("kustomize", "Process the kustomization directory.").short('k'),
    Flag::bool("recursive", "Process the directory used in -f, --filename recursively.").short('R'),
];

/// `-f` where directories are gone through as it is.
pub static FILES_DEEP: &[Flag] = &[
    Flag::list("filename", "The files that contain the configurations.").short('f'),
    Flag::new("recursive", Kind::Bool, "true", "Process the directory used in -f, --filename recursively.").short('R'),
];

/// `-f` alone.
pub static FILES: &[Flag] = &[Flag::list("filename", "The files that contain the configurations.").short('f')];

/// `-l`.
pub static SELECTOR: &[Flag] = &[Flag::str("selector", "Selector (label query) to filter on.").short('l')];

/// `--field-selector`.
pub static FIELD_SELECTOR: &[Flag] = &[Flag::str("field-selector", "Selector (field query) to filter on.")];

/// `-A`.
pub static ALL_NAMESPACES: &[Flag] =
    &[Flag::bool("all-namespaces", "If present, list the requested object(s) across all namespaces.").short('A')];

/// `--dry-run`.
pub static DRY_RUN: &[Flag] =
    &[Flag::str("dry-run", "Must be \"none\", \"server\", or \"client\".").default("none").no_opt("unchanged")];

/// `--field-manager`, with kubectl's usual default left to the command.
pub static FIELD_MANAGER: &[Flag] = &[Flag::str("field-manager", "Name of the manager used to track field ownership.")];

/// What stood on the command line.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    values: BTreeMap<&'static str, Vec<String>>,
    /// Arguments that are no flags.
    pub args: Vec<String>,
    /// How many arguments stood before `--`; `None` without one.
    pub dash: Option<usize>,
    /// Texts of deprecated flags that were used.
    pub notices: Vec<String>,
}

impl Parsed {
    /// Sets a flag that another one stands for, unless it was given.
    pub fn imply(&mut self, name: &'static str, value: &str) {
        self.values.entry(name).or_insert_with(|| vec![value.to_owned()]);
    }

    /// The values given, in order (lists already split); empty when the flag was not given.
    pub fn given(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Parses arguments; `path` is what help is offered for. `None` when help was asked for.
pub fn parse(args: &[String], sets: &[&'static [Flag]], path: &str) -> Result<Parsed, CmdError> {
    let all = || sets.iter().flat_map(|s| s.iter()).chain(GLOBAL.iter());
    let fail = |text: String| CmdError::Client(format!("{text}\nSee '{path} --help' for usage."));
    let mut out = Parsed::default();
    let mut it = args.iter();
    while let Some(arg) = it.next() {
        if out.dash.is_some() || !arg.starts_with('-') || arg == "-" {
            out.args.push(arg.clone());
        } else if arg == "--" {
            out.dash = Some(out.args.len());
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
            if name.is_empty() || name.starts_with('-') || name.starts_with('=') {
                return Err(fail(format!("bad flag syntax: {arg}")));
            }
            let flag = all().find(|f| f.name == name).ok_or_else(|| fail(format!("unknown flag: --{name}")))?;
            let value = match (value, flag.no_opt) {
                (Some(v), _) => v,
                (None, Some(v)) => v.to_string(),
                (None, None) => it.next().cloned().ok_or_else(|| fail(format!("flag needs an argument: --{name}")))?,
            };
            out.set(flag, value).map_err(fail)?;
        } else {
            let letters = &arg[1..];
            let mut rest = letters;
            while let Some(c) = rest.chars().next() {
                rest = &rest[c.len_utf8()..];
                let flag = all()
                    .find(|f| f.short == Some(c))
                    .ok_or_else(|| fail(format!("unknown shorthand flag: '{c}' in -{letters}")))?;
                let value = if let Some(v) = rest.strip_prefix('=') {
                    rest = "";
                    v.to_string()
                } else if let Some(v) = flag.no_opt {
                    v.to_string()
                } else if !rest.is_empty() {
                    std::mem::take(&mut rest).to_string()
                } else {
                    it.next().cloned().ok_or_else(|| fail(format!("flag needs an argument: '{c}' in -{letters}")))?
                };
                out.set(flag, value).map_err(fail)?;
            }
        }
    }
    Ok(out)
}

impl Parsed {
    fn set(&mut self, flag: &Flag, value: String) -> Result<(), String> {
        let bad = |what: String| {
            let name = flag.short.map_or_else(|| format!("--{}", flag.name), |c| format!("-{c}, --{}", flag.name));
            format!("invalid argument {value:?} for {name:?} flag: {what}")
        };
        if let Some(text) = flag.deprecated {
            self.notices.push(format!("Flag --{} has been deprecated, {text}", flag.name));
        }
        let values = match flag.kind {
            Kind::Bool => match value.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => vec!["true".to_string()],
                "0" | "f" | "F" | "false" | "FALSE" | "False" => vec!["false".to_string()],
                _ => return Err(bad(format!("strconv.ParseBool: parsing {value:?}: invalid syntax"))),
            },
            Kind::Int => match value.parse::<i64>() {
                Ok(_) => vec![value],
                Err(e) => {
                    let why = match e.kind() {
                        std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                            "value out of range"
                        }
                        _ => "invalid syntax",
                    };
                    return Err(bad(format!("strconv.ParseInt: parsing {value:?}: {why}")));
                }
            },
            Kind::Duration => match parse_duration(&value) {
                Some(_) => vec![value],
                None if value.parse::<f64>().is_ok() => {
                    return Err(bad(format!("time: missing unit in duration {value:?}")));
                }
                None => return Err(bad(format!("time: invalid duration {value:?}"))),
            },
            Kind::Str | Kind::Array => vec![value],
            Kind::List => value.split(',').map(str::to_string).collect(),
        };
        let slot = self.values.entry(flag.name).or_default();
        if !matches!(flag.kind, Kind::List | Kind::Array) {
            slot.clear();
        }
        slot.extend(values);
        Ok(())
    }
}

/// A Go duration in seconds (`1h2m3.5s`, `500ms`, `0`, `-1s`); `None` if it is none.
pub fn parse_duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(r) => (-1.0, r),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[end..];
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FLAGS: &[Flag] = &[Flag::int("replicas", "0", ""), Flag::bool("watch", "").short('w')];

    fn go(line: &str) -> Result<Parsed, String> {
        let args: Vec<String> = line.split(' ').map(str::to_string).collect();
        parse(&args, &[FLAGS, PRINT, SELECTOR], "kubectl scale").map_err(|e| e.text())
    }

    #[test]
    fn forms_of_flags() {
        let p = go("a --replicas=3 -wo yaml -lx=y b -- -c").unwrap();
        assert_eq!(p.args, ["a", "b", "-c"]);
        assert_eq!(
            (p.dash, p.given("output"), p.given("selector")),
            (Some(2), &["yaml".into()][..], &["x=y".into()][..])
        );
        assert_eq!(go("--replica=3").unwrap_err(), "unknown flag: --replica\nSee 'kubectl scale --help' for usage.");
        assert!(go("-x").unwrap_err().starts_with("unknown shorthand flag: 'x' in -x"));
        assert!(go("--replicas").unwrap_err().starts_with("flag needs an argument: --replicas"));
        assert!(go("--replicas=x").unwrap_err().starts_with(
            "invalid argument \"x\" for \"--replicas\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"
        ));
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1h1m1.5s"), Some(3661.5));
        assert_eq!(parse_duration("90"), None);
        assert_eq!(parse_duration("-1s"), Some(-1.0));
    }
}
