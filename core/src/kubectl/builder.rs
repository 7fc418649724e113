//! Resource arguments: `TYPE NAME…`, `TYPE/NAME…`, `TYPE1,TYPE2`, `-f`, selectors, turned into objects.
//! (Models cli-runtime/pkg/resource builder.)

use super::command::Invocation;
use super::errors::CmdError;
use super::{Context, manifest};
use crate::api::kinds::{self, ResourceInfo};
use crate::api::schema::{decode_metadata, judge, schema};
use crate::apiserver::request::Request;
use serde_json::Value;

/// One object a command works on.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Its resource.
    pub mapping: &'static ResourceInfo,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name; empty when a manifest gives none.
    pub name: String,
    /// The file it came from; empty without one.
    pub source: String,
    /// The object: from the manifest, or from the cluster, or `Null` when it was not fetched.
    pub object: Value,
}

impl Info {
    /// Its path in the API.
    pub fn path(&self) -> String {
        self.mapping.path(Some(&self.namespace), Some(&self.name))
    }
    /// The path of the collection it lives in.
    pub fn collection(&self) -> String {
        self.mapping.path(Some(&self.namespace), None)
    }
    /// `deployment.apps/web`: how results name it.
    pub fn printed_name(&self) -> String {
        format!("{}/{}", self.mapping.printed_kind(), self.name)
    }
    /// `deployments/web`: how warnings and timeouts name it.
    pub fn object_name(&self) -> String {
        format!("{}/{}", self.mapping.plural, self.name)
    }
    /// Reads the object from the cluster.
    pub fn fetch(&mut self, ctx: &mut Context) -> Result<(), CmdError> {
        self.object = ctx.call(Request::get(self.path()))?;
        Ok(())
    }
    /// An object whose place is taken from its own metadata.
    pub fn of(mapping: &'static ResourceInfo, object: Value) -> Info {
        let text = |k: &str| object["metadata"][k].as_str().unwrap_or_default().to_string();
        let namespace = if mapping.namespaced { text("namespace") } else { String::new() };
        Info { mapping, namespace, name: text("name"), source: String::new(), object }
    }
}

/// Finds a resource by what people type.
pub fn mapping(arg: &str, inv: &Invocation) -> Result<&'static ResourceInfo, CmdError> {
    found(arg, &inv.custom)
}

fn found(arg: &str, custom: &[&'static ResourceInfo]) -> Result<&'static ResourceInfo, CmdError> {
    kinds::resolve(arg).or_else(|| kinds::resolve_among(arg, custom.iter().copied())).ok_or_else(|| {
        let text = match arg.split_once('.') {
            None => format!("the server doesn't have a resource type {arg:?}"),
            Some((name, rest)) => match rest.split_once('.') {
                Some((version, group)) if version.starts_with('v') => format!(
                    "the server doesn't have a resource type {name:?} in group {group:?} and version {version:?}"
                ),
                _ => format!("the server doesn't have a resource type {name:?} in group {rest:?}"),
            },
        };
        CmdError::Client(text)
    })
}

/// `apps/v1, Resource=deployments`, as Go prints the name of a resource.
pub fn gvr(r: &ResourceInfo) -> String {
    format!("{}/{}, Resource={}", r.group, r.version, r.plural)
}

/// `apps/v1, Kind=Deployment`.
pub fn gvk(r: &ResourceInfo) -> String {
    format!("{}/{}, Kind={}", r.group, r.version, r.kind)
}

/// What to work on, as it is put together from flags and arguments.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    custom: Vec<&'static ResourceInfo>,
    namespace: String,
    enforce_namespace: bool,
    all_namespaces: bool,
    files: Vec<String>,
    recursive: bool,
    selector: Option<String>,
    field_selector: Option<String>,
    all: bool,
    types: Vec<&'static ResourceInfo>,
    names: Vec<String>,
    pairs: Vec<(&'static ResourceInfo, String)>,
    /// The one file is a directory with a kustomization.
    kustomized: bool,
    local: bool,
    latest: bool,
    typed: bool,
    list_by_type: bool,
    queries: Vec<(String, String)>,
    error: Option<CmdError>,
}

impl Builder {
    /// A builder with the namespace and the flags `-f`, `-R`, `-l`, `--field-selector`, `--all` and `-A` of a command,
    /// as far as it declares them.
    pub fn new(inv: &Invocation) -> Builder {
        Builder {
            custom: inv.custom.clone(),
            namespace: inv.namespace.clone(),
            enforce_namespace: inv.namespace_given,
            all_namespaces: inv.bool("all-namespaces"),
            files: match inv.changed("kustomize") {
                true => vec![inv.str("kustomize").to_string()],
                false => inv.list("filename").to_vec(),
            },
            kustomized: inv.changed("kustomize"),
            recursive: inv.bool("recursive"),
            selector: Some(inv.str("selector").to_string()).filter(|s| !s.is_empty()),
            field_selector: Some(inv.str("field-selector").to_string()).filter(|s| !s.is_empty()),
            all: inv.bool("all"),
            error: (inv.changed("kustomize") && !inv.list("filename").is_empty())
                .then(|| CmdError::client("only one of -f or -k can be specified")),
            ..Builder::default()
        }
    }

    /// Works with what manifests say, without asking the cluster for named objects.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Reads objects of manifests as Go's types: a part that is not what it should be is an error before anything
    /// is done. What reads them as plain maps leaves that to the API server.
    pub fn typed(mut self) -> Self {
        self.typed = true;
        self
    }

    /// Reads objects of manifests anew from the cluster.
    pub fn latest(mut self) -> Self {
        self.latest = true;
        self
    }

    /// Leaves `--selector` to the command: it selects nothing here.
    pub fn no_selector(mut self) -> Self {
        self.selector = None;
        self
    }

    /// Leaves `--all` to the command: it selects nothing here.
    pub fn without_all(mut self) -> Self {
        self.all = false;
        self
    }

    /// `TYPE` alone means all of its objects (as `get` reads it), not an error.
    pub fn types_alone(mut self) -> Self {
        self.list_by_type = true;
        self
    }

    /// Adds a query parameter to the lists.
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.queries.push((key.into(), value.into()));
        self
    }

    /// Adds resource arguments.
    pub fn args(mut self, args: &[String]) -> Self {
        if let Err(e) = self.add_args(args) {
            self.error.get_or_insert(e);
        }
        self
    }

    fn add_args(&mut self, args: &[String]) -> Result<(), CmdError> {
        let slashes = args.iter().filter(|a| a.contains('/')).count();
        if slashes > 0 {
            if slashes != args.len() {
                return Err(CmdError::client(
                    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
                ));
            }
            for a in args {
                let parts: Vec<&str> = a.split('/').collect();
                let [kind, name] = parts[..] else {
                    return Err(CmdError::client("arguments in resource/name form may not have more than one slash"));
                };
                if kind.is_empty() || name.is_empty() || kind.contains(',') {
                    return Err(CmdError::client(
                        "arguments in resource/name form must have a single resource and name",
                    ));
                }
                self.pairs.push((found(kind, &self.custom)?, name.to_string()));
            }
            return Ok(());
        }
        let Some((types, names)) = args.split_first() else { return Ok(()) };
        self.names.extend(names.iter().cloned());
        for t in types.split(',') {
            if t.is_empty() {
                return Err(CmdError::client(
                    "arguments must consist of a resource and a name, or one of them is empty",
                ));
            }
            let all = category(t, &self.custom);
            if all.is_empty() {
                self.types.push(found(t, &self.custom)?);
            }
            self.types.extend(all);
        }
        Ok(())
    }

    /// The resources named by arguments.
    pub fn types(&self) -> Vec<&'static ResourceInfo> {
        let mut v = self.types.clone();
        for (r, _) in &self.pairs {
            if !v.contains(r) {
                v.push(r);
            }
        }
        v
    }

    /// Was one object named, so that an answer is that object and no list?
    pub fn single(&self) -> bool {
        self.files.is_empty()
            && self.selector.is_none()
            && self.field_selector.is_none()
            && !self.all
            && (self.pairs.len() == 1 || (self.types.len() == 1 && self.names.len() == 1))
    }

    /// The manifests' names and texts.
    fn texts(&self, ctx: &Context) -> Result<Vec<(String, String)>, CmdError> {
        match self.files.first().filter(|_| self.kustomized) {
            Some(directory) => super::kustomize::manifest(directory, ctx.files)
                .map(|text| vec![(directory.clone(), text)])
                .map_err(CmdError::client),
            None => manifest::texts(&self.files, self.recursive, ctx),
        }
    }

    /// Is it one manifest with one object in it?
    pub fn one_document(&self, ctx: &Context) -> bool {
        !self.files.is_empty()
            && self.texts(ctx).is_ok_and(|t| {
                t.iter().map(|(source, text)| manifest::read_manifests(text, source).len()).sum::<usize>() == 1
            })
    }

    /// Reads lists rather than single objects?
    pub fn lists(&self) -> bool {
        self.files.is_empty() && self.pairs.is_empty() && self.names.is_empty()
    }

    /// The objects, each or what hindered it, in the order kubectl visits them. The outer error is one that keeps the
    /// command from starting.
    pub fn infos(&self, ctx: &mut Context) -> Result<Vec<Result<Info, CmdError>>, CmdError> {
        if let Some(e) = &self.error {
            return Err(e.clone());
        }
        if self.all && (self.selector.is_some() || self.field_selector.is_some()) {
            return Err(CmdError::client(
                format!(
                    "setting 'all' parameter but found a non empty selector. {}",
                    self.selector.as_deref().unwrap_or_default()
                )
                .trim_end(),
            ));
        }
        if !self.files.is_empty() {
            return self.of_files(ctx);
        }
        let list = self.selector.is_some() || self.field_selector.is_some() || self.all;
        let bare = self.list_by_type && self.names.is_empty() && !self.types.is_empty();
        if list || bare {
            if !self.names.is_empty() {
                return Err(CmdError::client("name cannot be provided when a selector is specified"));
            }
            if !self.pairs.is_empty() {
                return Err(CmdError::client(
                    "selectors and the all flag cannot be used when passing resource/name arguments",
                ));
            }
            if self.types.is_empty() {
                return Err(CmdError::client("at least one resource must be specified to use a selector"));
            }
            return Ok(self.types.iter().flat_map(|r| self.list(r, ctx)).collect());
        }
        let wanted: Vec<(&'static ResourceInfo, &String)> = if self.pairs.is_empty() {
            self.types.iter().flat_map(|r| self.names.iter().map(move |n| (*r, n))).collect()
        } else {
            self.pairs.iter().map(|(r, n)| (*r, n)).collect()
        };
        if wanted.is_empty() {
            if !self.types.is_empty() {
                return Err(CmdError::client("resource(s) were provided, but no name was specified"));
            }
            return Err(CmdError::client(
                "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
            ));
        }
        if self.all_namespaces && wanted.iter().any(|(r, _)| r.namespaced) {
            return Err(CmdError::client("a resource cannot be retrieved by name across all namespaces"));
        }
        Ok(wanted
            .into_iter()
            .map(|(mapping, name)| {
                if name.is_empty() && !self.local {
                    return Err(CmdError::client("resource name may not be empty"));
                }
                let namespace = if mapping.namespaced { self.namespace.clone() } else { String::new() };
                let mut info =
                    Info { mapping, namespace, name: name.clone(), source: String::new(), object: Value::Null };
                if !self.local {
                    info.fetch(ctx)?;
                }
                Ok(info)
            })
            .collect())
    }

    /// All objects of [`Builder::infos`], or everything that hindered them.
    pub fn all_infos(&self, ctx: &mut Context) -> Result<Vec<Info>, CmdError> {
        let (good, bad) = split(self.infos(ctx)?);
        CmdError::collect(bad)?;
        Ok(good)
    }

    /// The list of one resource, with its items as infos.
    fn list(&self, r: &'static ResourceInfo, ctx: &mut Context) -> Vec<Result<Info, CmdError>> {
        match self.list_value(r, ctx) {
            Err(e) => vec![Err(e)],
            Ok(mut list) => {
                let items = list["items"].take();
                let Value::Array(items) = items else { return vec![] };
                items
                    .into_iter()
                    .map(|mut o| {
                        // items of a list carry no kind of their own
                        if o["kind"].is_null() {
                            o["kind"] = r.kind.into();
                            o["apiVersion"] = r.api_version().into();
                        }
                        Ok(Info::of(r, o))
                    })
                    .collect()
            }
        }
    }

    fn list_value(&self, r: &'static ResourceInfo, ctx: &mut Context) -> Result<Value, CmdError> {
        let ns = (!self.all_namespaces).then_some(self.namespace.as_str());
        let mut request = Request::get(r.path(ns, None));
        let selector = self.selector.as_deref().unwrap_or_default();
        let fields = self.field_selector.as_deref().unwrap_or_default();
        if !selector.is_empty() {
            request = request.with("labelSelector", selector);
        }
        if !fields.is_empty() {
            request = request.with("fieldSelector", fields);
        }
        for (k, v) in &self.queries {
            request = request.with(k, v.clone());
        }
        ctx.call(request).map_err(|e| match e {
            CmdError::Api(mut s) if s.reason == "BadRequest" || s.reason == "NotFound" => {
                s.message = if selector.is_empty() && fields.is_empty() {
                    format!("Unable to list {:?}: {}", gvr(r), s.message)
                } else {
                    format!(
                        "Unable to find {:?} that match label selector {selector:?}, field selector {fields:?}: {}",
                        gvr(r),
                        s.message
                    )
                };
                CmdError::Api(s)
            }
            other => other,
        })
    }

    fn of_files(&self, ctx: &mut Context) -> Result<Vec<Result<Info, CmdError>>, CmdError> {
        if !self.types.is_empty() || !self.pairs.is_empty() || !self.names.is_empty() {
            return Err(CmdError::client(
                "when paths, URLs, or stdin is provided as input, you may not specify a resource by arguments as well",
            ));
        }
        if self.all {
            return Err(CmdError::client("setting 'all' parameter but found a non empty selector. "));
        }
        let mut out = vec![];
        for (source, text) in self.texts(ctx)? {
            for doc in manifest::read_manifests(&text, &source) {
                let info = doc.and_then(|d| self.of_document(d, ctx));
                // a selector picks among the objects of a manifest
                if let (Ok(i), Some(s)) = (&info, &self.selector)
                    && !selects(s, &i.object)?
                {
                    continue;
                }
                out.push(info);
            }
        }
        Ok(out)
    }

    fn of_document(&self, doc: manifest::Document, ctx: &mut Context) -> Result<Info, CmdError> {
        let manifest::Document { mut object, source } = doc;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let (kind, version) = (text(&object["kind"]), text(&object["apiVersion"]));
        let missing = match (object.is_object(), kind.is_empty(), version.is_empty()) {
            (false, ..) => Some("invalid object to validate"),
            (_, true, true) => Some("[apiVersion not set, kind not set]"),
            (_, true, _) => Some("kind not set"),
            (_, _, true) => Some("apiVersion not set"),
            _ => None,
        };
        if let Some(what) = missing {
            return Err(CmdError::client(format!(
                "error validating {source:?}: error validating data: {what}; if you choose to ignore these errors, turn validation off with --validate=false"
            )));
        }
        decode_metadata(&object).map_err(|why| CmdError::client(format!("unable to decode {source:?}: {why}")))?;
        let (name, given) = (text(&object["metadata"]["name"]), text(&object["metadata"]["namespace"]));
        let custom = || self.custom.iter().copied().find(|r| r.kind == kind && r.api_version() == version);
        let Some(mapping) = kinds::by_kind(&version, &kind).or_else(custom) else {
            return Err(CmdError::client(format!(
                "resource mapping not found for name: {name:?} namespace: {given:?} from {source:?}: no matches for kind {kind:?} in version {version:?}\nensure CRDs are installed first"
            )));
        };
        if let Some(root) = schema().of(mapping).filter(|_| self.typed) {
            judge(root, object.clone())
                .map_err(|f| CmdError::client(format!("unable to decode {source:?}: {}", f.message)))?;
        }
        let mut namespace = String::new();
        if mapping.namespaced {
            if self.enforce_namespace && !given.is_empty() && given != self.namespace {
                return Err(CmdError::client(format!(
                    "the namespace from the provided object {given:?} does not match the namespace {:?}. You must pass '--namespace={given}' to perform this operation.",
                    self.namespace
                )));
            }
            namespace = if given.is_empty() { self.namespace.clone() } else { given };
            if !object["metadata"].is_object() {
                object["metadata"] = Value::Object(Default::default());
            }
            object["metadata"]["namespace"] = namespace.clone().into();
        }
        let mut info = Info { mapping, namespace, name, source, object };
        if self.latest {
            info.fetch(ctx)?;
        }
        Ok(info)
    }
}

/// Does a label selector, as typed, pick an object?
pub fn selects(selector: &str, object: &Value) -> Result<bool, CmdError> {
    let selector = crate::api::labels::Selector::parse(selector).map_err(CmdError::Client)?;
    Ok(selector.matches_value(&object["metadata"]["labels"]))
}

/// The resources of a category (`all`), in the order `kubectl get all` shows them.
pub fn category(name: &str, custom: &[&'static ResourceInfo]) -> Vec<&'static ResourceInfo> {
    kinds::RESOURCES
        .iter()
        .chain(super::cmd::api_resources::preferred(custom))
        .filter(|r| r.categories.contains(&name))
        .collect()
}

/// Parts the good from the bad.
pub fn split(results: Vec<Result<Info, CmdError>>) -> (Vec<Info>, Vec<CmdError>) {
    let mut good = vec![];
    let mut bad = vec![];
    for r in results {
        match r {
            Ok(i) => good.push(i),
            Err(e) => bad.push(e),
        }
    }
    (good, bad)
}
