//! `kubectl get`. (Models kubectl/pkg/cmd/get.)

use super::change;
use crate::apiserver::request::{Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::builder::{Builder, Info, split};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::printer::table::{Options, Table};
use crate::kubectl::printer::{self, Format, Printer};
use crate::kubectl::{Context, sort};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[
    Flag::bool("watch", "After listing/getting the requested object, watch for changes.").short('w'),
    Flag::bool("watch-only", "Watch for changes to the requested object(s), without listing/getting first."),
    Flag::bool("output-watch-events", "Output watch event objects when --watch or --watch-only is used."),
    Flag::bool("no-headers", "When using the default or custom-column output format, don't print headers."),
    Flag::bool("show-kind", "If present, list the resource type for the requested object(s)."),
    Flag::bool("show-labels", "When printing, show all labels as the last column."),
    Flag::list("label-columns", "Accepts a comma separated list of labels that are going to be presented as columns.")
        .short('L'),
    Flag::str("sort-by", "If non-empty, sort list types using this field specification."),
    Flag::bool("ignore-not-found", "If set to true, suppresses NotFound error for specific objects that do not exist."),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once."),
    Flag::new("server-print", Kind::Bool, "true", "If true, have the server return the appropriate table output."),
    Flag::str("raw", "Raw URI to request from the server."),
    Flag::str("subresource", "If specified, gets the subresource of the requested object."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "get",
    "Display one or many resources.",
    "[(-o|--output=)json|yaml|name|wide|…] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]",
    &[FLAGS, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::FIELD_SELECTOR, flags::ALL_NAMESPACES],
    run,
);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if change::raw(inv, Method::Get, ctx)? {
        return Ok(());
    }
    let output = inv.str("output");
    let wide = output == "wide";
    let format = if output.is_empty() || wide { None } else { Printer::structured(output, inv, ctx)? };
    if format.is_none() && !output.is_empty() && !wide {
        return Err(printer::unknown_format(output, printer::GET_FORMATS));
    }
    if inv.args.is_empty() && inv.list("filename").is_empty() && !inv.changed("kustomize") {
        ctx.eprintln(
            "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
        );
        return Err(inv.usage(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).",
        ));
    }
    let builder = Builder::new(inv).types_alone().latest().args(&inv.args);
    if inv.bool("watch") || inv.bool("watch-only") {
        return watch(inv, builder, format, wide, ctx);
    }
    let results = builder.infos(ctx)?;
    let (mut infos, mut errors) = split(results);
    let mut subresource = inv.str("subresource").to_string();
    if !subresource.is_empty() {
        subresource.insert(0, '/');
        for i in &mut infos {
            i.object = ctx.call(Request::get(format!("{}{subresource}", i.path())))?;
        }
    }
    if inv.bool("ignore-not-found") {
        errors.retain(|e| !e.is_not_found());
    }
    let sort_by = inv.str("sort-by");
    if !sort_by.is_empty() {
        sort::sort_by(&mut infos, sort_by).map_err(CmdError::Client)?;
    }
    match format {
        Some(format) => generic(inv, &builder, infos, errors, format, ctx),
        None => human(inv, &builder, &infos, errors, wide, ctx),
    }
}

fn generic(
    inv: &Invocation,
    builder: &Builder,
    infos: Vec<Info>,
    errors: Vec<CmdError>,
    format: Format,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    let single = builder.single() || (infos.len() == 1 && builder.one_document(ctx));
    if single && !errors.is_empty() || infos.is_empty() && inv.bool("ignore-not-found") {
        return CmdError::collect(errors);
    }
    let mut printer = Printer::new(format, inv);
    if single && infos.len() == 1 {
        printer.print(&infos[0].object, ctx)?;
    } else {
        let items: Vec<Value> = infos.into_iter().map(|i| i.object).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items});
        printer.print(&list, ctx)?;
    }
    CmdError::collect(errors)
}

fn options(inv: &Invocation, wide: bool, with_kind: bool) -> Options {
    Options {
        wide,
        no_headers: inv.bool("no-headers"),
        show_labels: inv.bool("show-labels"),
        label_columns: inv.list("label-columns").to_vec(),
        with_namespace: inv.bool("all-namespaces"),
        with_kind,
    }
}

fn human(
    inv: &Invocation,
    builder: &Builder,
    infos: &[Info],
    errors: Vec<CmdError>,
    wide: bool,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    let asked = if builder.lists() { builder.types() } else { vec![] };
    let several = asked.len() > 1 || infos.iter().any(|i| i.mapping != infos[0].mapping);
    let mut table = Table::new(options(inv, wide, inv.bool("show-kind") || several));
    let now = ctx.now().unix_seconds();
    let mut first = true;
    for group in infos.chunk_by(|a, b| a.mapping == b.mapping) {
        let objects: Vec<&Value> = group.iter().map(|i| &i.object).collect();
        table.restart();
        let text = table.rows(group[0].mapping, &objects, now);
        if !first && !inv.bool("no-headers") {
            ctx.println("");
        }
        first = false;
        ctx.print(text);
    }
    if infos.is_empty() && errors.is_empty() && !inv.bool("ignore-not-found") {
        let namespaced = asked.iter().all(|r| r.namespaced);
        let text = if namespaced && !inv.bool("all-namespaces") {
            format!("No resources found in {} namespace.", inv.namespace)
        } else {
            "No resources found".to_string()
        };
        ctx.eprintln(text);
    }
    // each error is said once
    let mut said: Vec<CmdError> = vec![];
    for e in errors {
        if !said.iter().any(|s| s.text() == e.text()) {
            said.push(e);
        }
    }
    CmdError::collect(said)
}

/// What `get -w` watches, and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    line: Vec<String>,
    table: Table,
    path: String,
    query: Vec<(String, String)>,
    /// The version up to which everything has been shown.
    version: String,
    /// How often there was nothing to show since.
    quiet: u32,
    printed: bool,
}

/// After so many times without news a watch asks which version it has come to: the server forgets old ones.
const QUIET: u32 = 32;

impl Watch {
    fn request(&self) -> Request {
        let mut r = Request::get(self.path.clone());
        r.query.extend(self.query.iter().cloned());
        r
    }

    /// The version of now.
    fn refresh(&mut self, ctx: &mut Context) -> Result<(), CmdError> {
        let list = ctx.call(self.request().with("limit", "1"))?;
        self.version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        self.quiet = 0;
        Ok(())
    }
}

fn watch(
    inv: &Invocation,
    builder: Builder,
    format: Option<Format>,
    wide: bool,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    let only = |n: usize| {
        let text = "watch is only supported on individual resources and resource collections";
        Err(CmdError::client(if n == 0 { text.to_owned() } else { format!("{text} - {n} resources were found") }))
    };
    if builder.types().len() > 1 {
        return only(0);
    }
    let infos = builder.all_infos(ctx)?;
    if !builder.lists() && infos.len() != 1 {
        return only(infos.len());
    }
    let Some(mapping) = builder.types().first().copied().or_else(|| infos.first().map(|i| i.mapping)) else {
        return only(0);
    };
    let mut fields = vec![inv.str("field-selector").to_owned()];
    let mut namespace = (!inv.bool("all-namespaces")).then_some(inv.namespace.as_str());
    if let Some(one) = infos.first().filter(|_| !builder.lists()) {
        fields.push(format!("metadata.name={}", one.name));
        namespace = one.object["metadata"]["namespace"].as_str().or(namespace);
    }
    fields.retain(|f| !f.is_empty());
    let query = [("labelSelector", inv.str("selector").to_owned()), ("fieldSelector", fields.join(","))];
    let query = query.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), v)).collect();
    let mut w = Watch {
        line: inv.words.clone(),
        table: Table::new(options(inv, wide, inv.bool("show-kind"))),
        path: mapping.path(namespace, None),
        query,
        version: String::new(),
        quiet: 0,
        printed: false,
    };
    w.refresh(ctx)?;
    if !inv.bool("watch-only") && !infos.is_empty() {
        let objects: Vec<&Value> = infos.iter().map(|i| &i.object).collect();
        w.printed = show(&mut w.table, infos[0].mapping, &objects, &format, inv, false, ctx)?;
    }
    // the connection of a watch is one request
    let patience = crate::kubectl::request_timeout(inv.str("request-timeout")).filter(|s| *s > 0.0);
    let until = patience.map(|s| ctx.now() + SimDuration((s * 1e6) as u64));
    ctx.out.pending = Some(Pending::new(Wait::Watch(w), until));
    Ok(())
}

fn show(
    table: &mut Table,
    mapping: &'static crate::api::kinds::ResourceInfo,
    objects: &[&Value],
    format: &Option<Format>,
    inv: &Invocation,
    again: bool,
    ctx: &mut Context,
) -> Result<bool, CmdError> {
    match format {
        None => {
            let text = table.rows(mapping, objects, ctx.now().unix_seconds());
            ctx.print(text);
        }
        Some(f) => {
            let mut p = Printer::new(f.clone(), inv);
            p.no_headers |= again;
            for (i, o) in objects.iter().enumerate() {
                if *f == Format::Yaml && (again || i > 0) {
                    ctx.println("---");
                    p = Printer::new(f.clone(), inv);
                }
                p.print(o, ctx)?;
            }
        }
    }
    Ok(true)
}

/// Shows what has changed since the last time, change by change; it ends by itself only when its time is over.
pub fn poll(w: &mut Watch, deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
    if deadline.is_some_and(|d| d <= ctx.now()) {
        return Ok(true);
    }
    let (command, path, rest) = crate::kubectl::command::find(&w.line)?;
    let Some(inv) = Invocation::parse(command, path, rest, ctx)? else { return Ok(true) };
    let output = inv.str("output");
    let format = if output.is_empty() || output == "wide" { None } else { Printer::structured(output, &inv, ctx)? };
    let request = w.request().with("watch", "true").with("resourceVersion", w.version.clone());
    // warnings are said when a watch begins, not with each change
    let events = match ctx.api.request(request).ok() {
        Ok(Value::Array(events)) => events,
        Ok(_) => vec![],
        Err(s) if s.code == 410 => {
            w.refresh(ctx)?;
            vec![]
        }
        Err(s) => return Err(CmdError::Api(s)),
    };
    let changed: Vec<&Value> = events.iter().filter(|e| e["type"] != "BOOKMARK").map(|e| &e["object"]).collect();
    let Some(last) = changed.last() else {
        w.quiet += 1;
        if w.quiet >= QUIET {
            w.refresh(ctx)?;
        }
        return Ok(false);
    };
    w.version = last["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    w.quiet = 0;
    let builder = Builder::new(&inv).types_alone().latest().args(&inv.args);
    let kind = last["kind"].as_str().unwrap_or_default();
    let by_kind = || crate::api::kinds::by_kind(last["apiVersion"].as_str().unwrap_or_default(), kind);
    if let Some(mapping) = builder.types().first().copied().or_else(by_kind) {
        let again = w.printed;
        w.printed = show(&mut w.table, mapping, &changed, &format, &inv, again, ctx)?;
    }
    Ok(false)
}
