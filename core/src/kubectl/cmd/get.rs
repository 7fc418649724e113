//! `kubectl get`. (Models kubectl/pkg/cmd/get.)

use crate::apiserver::request::Request;
use crate::clock::SimTime;
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
    let raw = inv.str("raw");
    if !raw.is_empty() {
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        let mut request = Request::get(path);
        for (k, v) in query.split('&').filter_map(|p| p.split_once('=')) {
            request = request.with(k, v);
        }
        let answer = ctx.call(request)?;
        ctx.println(printer::json::compact(&answer));
        return Ok(());
    }
    let output = inv.str("output");
    let wide = output == "wide";
    let format = if output.is_empty() || wide { None } else { Printer::structured(output, inv, ctx)? };
    if format.is_none() && !output.is_empty() && !wide {
        return Err(printer::unknown_format(output, printer::GET_FORMATS));
    }
    if inv.args.is_empty() && inv.list("filename").is_empty() {
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

/// What `get -w` has shown so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    line: Vec<String>,
    table: Table,
    /// `namespace/name`, and the object as it was shown last.
    seen: Vec<(String, Value)>,
    printed: bool,
}

fn key(o: &Value) -> String {
    let part = |k: &str| o["metadata"][k].as_str().unwrap_or_default();
    format!("{}/{}", part("namespace"), part("name"))
}

fn watch(
    inv: &Invocation,
    builder: Builder,
    format: Option<Format>,
    wide: bool,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    if builder.types().len() > 1 {
        return Err(CmdError::client("watch is only supported on individual resources and resource collections"));
    }
    let infos = builder.all_infos(ctx)?;
    let mut w = Watch {
        line: inv.words.clone(),
        table: Table::new(options(inv, wide, inv.bool("show-kind"))),
        seen: infos.iter().map(|i| (key(&i.object), i.object.clone())).collect(),
        printed: false,
    };
    if !inv.bool("watch-only") && !infos.is_empty() {
        let objects: Vec<&Value> = infos.iter().map(|i| &i.object).collect();
        w.printed = show(&mut w.table, infos[0].mapping, &objects, &format, inv, false, ctx)?;
    }
    ctx.out.pending = Some(Pending::new(Wait::Watch(w), None));
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

/// Shows what has changed since the last time; it never ends by itself.
pub fn poll(w: &mut Watch, _deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
    let (command, path, rest) = crate::kubectl::command::find(&w.line)?;
    let Some(inv) = Invocation::parse(command, path, rest, ctx)? else { return Ok(true) };
    let output = inv.str("output");
    let format = if output.is_empty() || output == "wide" { None } else { Printer::structured(output, &inv, ctx)? };
    let builder = Builder::new(&inv).types_alone().latest().args(&inv.args);
    let Some(mapping) = builder.types().first().copied() else { return Ok(true) };
    let (infos, errors) = split(builder.infos(ctx)?);
    if let Some(e) = errors.into_iter().find(|e| !e.is_not_found()) {
        return Err(e);
    }
    let mut changed: Vec<Value> = vec![];
    let old: std::collections::BTreeMap<&str, &Value> = w.seen.iter().map(|(k, v)| (k.as_str(), v)).collect();
    let mut seen = vec![];
    for i in infos {
        let k = key(&i.object);
        let version = &i.object["metadata"]["resourceVersion"];
        let before = old.get(k.as_str());
        if before.is_none_or(|o| o["metadata"]["resourceVersion"] != *version) {
            changed.push(i.object.clone());
        }
        seen.push((k, i.object));
    }
    for (k, o) in &w.seen {
        if !seen.iter().any(|(s, _)| s == k) {
            changed.push(o.clone());
        }
    }
    w.seen = seen;
    // in the order in which it happened
    changed.sort_by_key(|o| o["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse::<u64>().ok()));
    // warnings are said when a watch begins, not with each change
    ctx.out.stderr.clear();
    if !changed.is_empty() {
        let objects: Vec<&Value> = changed.iter().collect();
        let again = w.printed;
        w.printed = show(&mut w.table, mapping, &objects, &format, &inv, again, ctx)?;
    }
    Ok(false)
}
