//! `kubectl api-resources` and `kubectl api-versions`.

use crate::api::kinds::{RESOURCES, ResourceInfo};
use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{Flag, Kind};
use crate::kubectl::printer::tabwriter;

static FLAGS: &[Flag] = &[
    Flag::str("api-group", "Limit to resources in the specified API group."),
    Flag::new("namespaced", Kind::Bool, "true", "If false, non-namespaced resources will be returned."),
    Flag::bool("no-headers", "When using the default or custom-column output format, don't print headers."),
    Flag::str("output", "Output format. One of: (wide, name).").short('o'),
    Flag::str("sort-by", "If non-empty, sort list of resources using specified field: 'name' or 'kind'."),
    Flag::list("verbs", "Limit to resources that support the specified verbs."),
    Flag::list("categories", "Limit to resources that belong to the specified categories."),
    Flag::bool("cached", "Use the cached list of resources if available."),
];

/// `api-resources`.
pub static COMMAND: Command =
    Command::new("api-resources", "Print the supported API resources on the server.", "[flags]", &[FLAGS], resources);

/// `api-versions`.
pub static VERSIONS: Command = Command::new(
    "api-versions",
    "Print the supported API versions on the server, in the form of \"group/version\".",
    "",
    &[],
    versions,
);

/// Of each custom resource the version that clients prefer: the first that is listed.
pub fn preferred(custom: &[&'static ResourceInfo]) -> impl Iterator<Item = &'static ResourceInfo> {
    let mut seen = std::collections::BTreeSet::new();
    custom.iter().copied().filter(move |r| seen.insert((r.group, r.plural)))
}

fn resources(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let output = inv.str("output");
    if !["", "wide", "name"].contains(&output) {
        return Err(CmdError::client(format!("--output {output} is not available")));
    }
    if !inv.args.is_empty() {
        return Err(inv.usage(format!("unexpected arguments: [{}]", inv.args.join(" "))));
    }
    let chosen = |r: &&ResourceInfo| {
        (!inv.changed("api-group") || r.group == inv.str("api-group"))
            && (!inv.changed("namespaced") || r.namespaced == inv.bool("namespaced"))
            && inv.list("verbs").iter().all(|v| r.verbs.contains(&v.as_str()))
            && inv.list("categories").iter().all(|c| r.categories.contains(&c.as_str()))
    };
    let all = RESOURCES.iter().chain(preferred(&inv.custom));
    let mut list: Vec<&ResourceInfo> = all.filter(chosen).collect();
    // as discovery lists them: the core group, then the others by name
    list.sort_by_key(|r| r.group);
    match inv.str("sort-by") {
        "" => {}
        "name" => list.sort_by_key(|r| r.plural),
        "kind" => list.sort_by_key(|r| r.kind),
        _ => return Err(CmdError::client("--sort-by accepts only name or kind")),
    }
    if output == "name" {
        for r in list {
            ctx.println(r.group_resource());
        }
        return Ok(());
    }
    let wide = output == "wide";
    let mut text = String::new();
    if !inv.bool("no-headers") {
        text += "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND";
        text += if wide { "\tVERBS\tCATEGORIES\n" } else { "\n" };
    }
    for r in list {
        let (short, version) = (r.short_names.join(","), r.api_version());
        text += &format!("{}\t{short}\t{version}\t{}\t{}", r.plural, r.namespaced, r.kind);
        if wide {
            text += &format!("\t{}\t{}", r.verbs.join(","), r.categories.join(","));
        }
        text.push('\n');
    }
    ctx.print(tabwriter::align(&text, 6, 3));
    Ok(())
}

fn versions(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let mut list: Vec<String> =
        RESOURCES.iter().chain(inv.custom.iter().copied()).map(ResourceInfo::api_version).collect();
    list.sort();
    list.dedup();
    for v in list {
        ctx.println(v);
    }
    Ok(())
}
