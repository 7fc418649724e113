//! `kubectl autoscale`: a HorizontalPodAutoscaler for an object. Models kubectl `pkg/cmd/autoscale`.

use super::change::{self, RECORD, SAVE_CONFIG};
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::Builder;
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[
    Flag::int("min", "-1", "The lower limit for the number of pods that can be set by the autoscaler."),
    Flag::int("max", "-1", "The upper limit for the number of pods that can be set by the autoscaler. Required.")
        .required(),
    Flag::int(
        "cpu-percent",
        "-1",
        "The target average CPU utilization (represented as a percent of requested CPU) over all the pods.",
    )
    .deprecated(
        "Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or '500m' for milliCPU).",
    ),
    Flag::str("cpu", "Target CPU utilization over all the pods: a percentage ('70%') or a quantity ('500m')."),
    Flag::str("memory", "Target memory utilization over all the pods: a percentage ('60%') or a quantity ('200Mi')."),
    Flag::str(
        "name",
        "The name for the newly created object. If not specified, the name of the input resource will be used.",
    ),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "autoscale",
    "Auto-scale a deployment, replica set, stateful set, or replication controller.",
    "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY]",
    &[FLAGS, RECORD, SAVE_CONFIG, flags::PRINT, flags::FILENAME, flags::DRY_RUN, flags::FIELD_MANAGER],
    run,
);

fn metric(name: &str, target: &str) -> Result<Value, String> {
    let target = match target.strip_suffix('%') {
        Some(percent) => {
            let n: i64 = percent.parse().map_err(|_| format!("invalid percentage value: {target}"))?;
            json!({"type": "Utilization", "averageUtilization": n})
        }
        None => json!({"type": "AverageValue", "averageValue": target}),
    };
    Ok(json!({"type": "Resource", "resource": {"name": name, "target": target}}))
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: String| Err(CmdError::Client(t));
    let dry = inv.dry_run()?;
    let (min, max) = (inv.int("min"), inv.int("max"));
    if max < 1 {
        return err(format!("--max=MAXPODS is required and must be at least 1, max: {max}"));
    }
    if max < min {
        return err(format!("--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"));
    }
    if inv.changed("cpu") && inv.changed("cpu-percent") {
        return err("--cpu and --cpu-percent cannot be used together".into());
    }
    let mut metrics = vec![];
    if inv.int("cpu-percent") >= 0 && inv.changed("cpu-percent") {
        metrics.push(metric("cpu", &format!("{}%", inv.int("cpu-percent"))).map_err(CmdError::Client)?);
    }
    for name in ["cpu", "memory"] {
        if !inv.str(name).is_empty() {
            metrics.push(metric(name, inv.str(name)).map_err(CmdError::Client)?);
        }
    }
    let infos = Builder::new(inv).typed().args(&inv.args).latest().infos(ctx)?;
    if infos.is_empty() {
        return err("no objects passed to autoscale".into());
    }
    change::each(infos, ctx, |info, ctx| {
        if ctx.api.request(Request::get(format!("{}/scale", info.path()))).ok().is_err() {
            return Err(CmdError::Client(format!(
                "cannot autoscale a {}: could not find scale subresource for {}/{}, Resource={} in discovery information",
                info.mapping.kind, info.mapping.group, info.mapping.version, info.mapping.plural
            )));
        }
        let name = if inv.str("name").is_empty() { info.name.as_str() } else { inv.str("name") };
        let mut hpa = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {
                    "kind": info.mapping.kind, "name": info.name, "apiVersion": info.mapping.api_version(),
                },
                "maxReplicas": max,
            },
            "status": {"currentMetrics": null, "desiredReplicas": 0},
        });
        if min > 0 {
            hpa["spec"]["minReplicas"] = min.into();
        }
        if !metrics.is_empty() {
            hpa["spec"]["metrics"] = metrics.clone().into();
        }
        change::record(inv, &mut hpa);
        if dry != DryRun::Client {
            if inv.bool("save-config") {
                super::apply::annotate(&mut hpa);
            }
            let path = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", info.namespace);
            hpa = ctx.call(change::request(Method::Post, path, inv, dry, "kubectl-autoscale").body(hpa))?;
        }
        change::print_typed(inv, &hpa, "autoscaled", dry, ctx)
    })
}
