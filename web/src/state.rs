//! What the page shows and how: one value, changed only by [`Action`]s. The cluster itself is not in here (see
//! [`crate::bridge`]).

use crate::i18n::Lang;
use crate::map::hit::Target;
use crate::platform::storage;
use std::rc::Rc;
use yew::prelude::*;

/// Light or dark, or for the last row of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark ground.
    Dark,
    /// Light ground.
    Light,
    /// For a projector: large type, black on white, thick lines.
    Projector,
    /// The same for a room that is dark: white on black.
    ProjectorDark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Theme; 4] = [Theme::Dark, Theme::Light, Theme::Projector, Theme::ProjectorDark];

    /// Its name in the style sheet.
    pub fn code(self) -> &'static str {
        match self {
            Theme::Dark => "dark",
            Theme::Light => "light",
            Theme::Projector => "projector",
            Theme::ProjectorDark => "projector-dark",
        }
    }

    /// The theme of this name.
    pub fn from_code(code: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|t| t.code() == code)
    }

    /// Puts it on the page, before anything reads a colour.
    fn wear(self) {
        if let Some(root) = gloo::utils::document().document_element() {
            let _ = root.set_attribute("data-theme", self.code());
        }
    }
}

/// How the page is shown to a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// It is: the map is large, editor and inspector are away.
    pub on: bool,
    /// The presenter's notes are put away.
    pub bare: bool,
    /// Nothing is shown: look at the person who speaks.
    pub blank: bool,
    /// The step of the notes.
    pub step: usize,
}

/// The panel that a narrow screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phone {
    /// The map.
    Map,
    /// The editor.
    Editor,
    /// The inspector.
    Inspect,
    /// Terminal, events, requests.
    Dock,
    /// Timeline and chart.
    Time,
    /// The lesson.
    Lesson,
}

/// The tab of the lower right panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dock {
    /// The terminal.
    Terminal,
    /// Events.
    Events,
    /// API requests.
    Requests,
    /// Requests to a pod or a service.
    Http,
    /// Clients and their requests.
    Traffic,
}

/// Where requests of the person go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The namespace.
    pub namespace: String,
    /// `pod/web-…` or `service/web`.
    pub target: String,
    /// The port.
    pub port: u16,
}

/// The tab of the inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InspectTab {
    /// The main facts.
    Summary,
    /// The object as YAML.
    Yaml,
    /// Its events.
    Events,
    /// Why it is as it is.
    Why,
    /// Where a waiting pod could go.
    Placing,
}

/// A dialog over the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// Scenarios to choose from.
    Scenarios,
    /// The link to this session.
    Share,
    /// The keys.
    Keys,
    /// Lessons to choose from.
    Lessons,
    /// A lesson made of this session.
    Author,
    /// The lesson on paper.
    Worksheet,
    /// New labels for a pod.
    Relabel(u64),
    /// A new number of replicas for a workload.
    Scale(u64),
    /// A new name for a file (by its place).
    Rename(usize),
    /// Branches of the session.
    Branches,
    /// One change as a sequence diagram, by its request; none: the last one.
    Sequence(Option<u64>),
    /// Out of the tab.
    Export,
    /// Kept sessions.
    Sessions,
    /// A link that cannot be read.
    BrokenLink(Rc<crate::sharing::Broken>),
    /// A client to add, or (by its number) to change; what is known of it already.
    Client(Option<u32>, Rc<Draft>),
}

/// What the dialog for a client begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// What it asks for.
    pub url: String,
    /// The namespace and name of the pod that sends; none: from outside.
    pub pod: Option<(String, String)>,
    /// Names are looked up as in this namespace, from a node; none: from outside or a pod.
    pub inside: Option<String>,
}

/// A file of the editor.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: Rc<str>,
}

/// What lies under the map's tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centre {
    /// The picture.
    Map,
    /// Its twin in words.
    Table,
}

/// All that the page shows beside the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Ui {
    /// The language.
    pub lang: Lang,
    /// Light or dark.
    pub theme: Theme,
    /// Selected on the map or in a list.
    pub selected: Option<Target>,
    /// The panel of a narrow screen.
    pub phone: Phone,
    /// The lower right tab.
    pub dock: Dock,
    /// The inspector's tab.
    pub inspect: InspectTab,
    /// Map or table.
    pub centre: Centre,
    /// An open dialog.
    pub dialog: Option<Dialog>,
    /// Files of the editor.
    pub files: Rc<Vec<File>>,
    /// The one that is shown.
    pub active: usize,
    /// Grows when texts came from elsewhere and the editor must take them over.
    pub reload: u32,
    /// The scenario's name.
    pub scenario: Option<Rc<str>>,
    /// Whether its guide is open.
    pub guide: bool,
    /// What is searched for on the map; none: the box is closed.
    pub search: Option<Rc<str>>,
    /// A label (`key=value`) whose pods are lit.
    pub label: Option<(Rc<str>, Rc<str>)>,
    /// A short message.
    pub toast: Option<(u32, Rc<str>)>,
    /// Whether the side panels are folded away: editor, inspector, lower panels.
    pub folded: [bool; 3],
    /// Whether the legend is open.
    pub legend: bool,
    /// Whether the file is shown as changes of what is there.
    pub compare: bool,
    /// Where requests go, once a panel for them is open.
    pub http: Option<Asked>,
    /// Something that is to be read before it goes.
    pub notice: Option<Rc<str>>,
    /// The panels that an embedded page shows; none: it is not embedded.
    pub embed: Option<Rc<str>>,
    /// The branch on the second map.
    pub beside: Option<u32>,
    /// The editor stands below the lesson.
    pub lesson_editor: bool,
    /// A file that a command opened (`kubectl edit`), and the line that takes it over.
    pub after: Option<(Rc<str>, Rc<str>)>,
    /// Shown to a room.
    pub present: Present,
}

/// A change of [`Ui`].
#[derive(Clone, Debug)]
pub enum Action {
    /// Another language.
    Lang(Lang),
    /// Another theme.
    Theme(Theme),
    /// Selects something, or nothing.
    Select(Option<Target>),
    /// Shows a panel of a narrow screen.
    Phone(Phone),
    /// Shows a lower right tab.
    Dock(Dock),
    /// Shows a tab of the inspector.
    Inspect(InspectTab),
    /// Map or table.
    Centre(Centre),
    /// Opens or closes a dialog.
    Dialog(Option<Dialog>),
    /// All files anew (a scenario, a link), and which is shown.
    Files(Vec<File>, usize),
    /// A file's text, as typed in the editor.
    Edit(usize, Rc<str>),
    /// A file's text from elsewhere: makes the file where there is none, and shows it.
    Put(String, Rc<str>),
    /// Shows a file.
    Active(usize),
    /// Adds an empty file.
    Add,
    /// Removes a file.
    Close(usize),
    /// Gives a file another name.
    Rename(usize, String),
    /// The scenario has changed.
    Scenario(Option<Rc<str>>),
    /// Opens or closes the guide.
    Guide(bool),
    /// Searches on the map.
    Search(Option<Rc<str>>),
    /// Lights the pods with a label.
    Label(Option<(Rc<str>, Rc<str>)>),
    /// Says something for a moment.
    Toast(String),
    /// The moment is over, if it is still this message.
    ToastOver(u32),
    /// Folds a side panel away, or back.
    Fold(usize),
    /// Opens or closes the legend.
    Legend(bool),
    /// Shows the file as changes of what is there, or plain again.
    Compare(bool),
    /// Opens the panel that sends requests, or closes it.
    Http(Option<Asked>),
    /// Something that is to be read before it goes, or nothing.
    Notice(Option<Rc<str>>),
    /// A branch on a second map, or none.
    Beside(Option<u32>),
    /// Shows the editor below the lesson, or not.
    LessonEditor(bool),
    /// What applying a file means (`kubectl edit`); none: what it always means.
    After(Option<(Rc<str>, Rc<str>)>),
    /// Shows the page to a room, or no longer.
    Present(Present),
}

impl Ui {
    /// The page as it begins: as it was left, else as the browser prefers.
    pub fn begin() -> Ui {
        let window = gloo::utils::window();
        let language = js_sys::Reflect::get(&window.navigator(), &"language".into())
            .ok()
            .and_then(|l| l.as_string())
            .unwrap_or_default();
        let lang = crate::platform::url::query("lang").or_else(|| storage::read("lang")).unwrap_or(language);
        let prefers_light =
            window.match_media("(prefers-color-scheme: light)").ok().flatten().is_some_and(|m| m.matches());
        let wanted = crate::platform::url::query("theme").or_else(|| storage::read("theme"));
        let theme = wanted.as_deref().and_then(Theme::from_code);
        let theme = theme.unwrap_or(if prefers_light { Theme::Light } else { Theme::Dark });
        theme.wear();
        let folded = storage::read("folded").unwrap_or_default();
        let folded = std::array::from_fn(|i| folded.as_bytes().get(i) == Some(&b'1'));
        Ui {
            lang: Lang::from_code(&lang),
            theme,
            selected: None,
            phone: Phone::Map,
            dock: Dock::Terminal,
            inspect: InspectTab::Summary,
            centre: Centre::Map,
            dialog: None,
            files: Rc::new(vec![]),
            active: 0,
            reload: 0,
            scenario: None,
            guide: match storage::read("guide").as_deref() {
                Some(kept) => kept == "1",
                // On a phone it would lie over most of the map.
                None => !crate::app::is_narrow(),
            },
            search: None,
            label: None,
            toast: None,
            folded,
            legend: match storage::read("legend").as_deref() {
                Some(kept) => kept == "1",
                // In a short window the map needs the room more.
                None => window.inner_height().ok().and_then(|h| h.as_f64()).is_none_or(|h| h >= 780.0),
            },
            compare: false,
            http: None,
            notice: None,
            embed: crate::platform::url::query("embed").map(Into::into),
            beside: None,
            lesson_editor: true,
            after: None,
            present: Present { on: crate::platform::url::query("present").is_some(), ..Present::default() },
        }
    }

    /// The shown file.
    pub fn file(&self) -> Option<&File> {
        self.files.get(self.active)
    }

    fn free_name(&self) -> String {
        (1..).map(|n| format!("file{n}.yaml")).find(|n| self.files.iter().all(|f| f.name != *n)).unwrap_or_default()
    }
}

impl Reducible for Ui {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut ui = (*self).clone();
        match action {
            Action::Lang(lang) => {
                storage::write("lang", lang.code());
                ui.lang = lang;
            }
            Action::Theme(theme) => {
                storage::write("theme", theme.code());
                theme.wear();
                ui.theme = theme;
            }
            Action::Select(target) => {
                if ui.selected != target {
                    ui.label = None;
                }
                ui.selected = target;
            }
            Action::Phone(p) => ui.phone = p,
            Action::Dock(d) => ui.dock = d,
            Action::Inspect(t) => ui.inspect = t,
            Action::Centre(c) => ui.centre = c,
            Action::Dialog(d) => ui.dialog = d,
            Action::Files(files, active) => {
                ui.active = active.min(files.len().saturating_sub(1));
                ui.files = Rc::new(files);
                ui.reload += 1;
            }
            Action::Edit(i, text) => {
                if let Some(f) = Rc::make_mut(&mut ui.files).get_mut(i) {
                    f.text = text;
                }
            }
            Action::Put(name, text) => {
                let files = Rc::make_mut(&mut ui.files);
                match files.iter().position(|f| f.name == name) {
                    Some(i) => {
                        files[i].text = text;
                        ui.active = i;
                    }
                    None => {
                        files.push(File { name, text });
                        ui.active = files.len() - 1;
                    }
                }
                ui.reload += 1;
            }
            Action::Active(i) => {
                ui.active = i;
            }
            Action::Add => {
                let name = ui.free_name();
                Rc::make_mut(&mut ui.files).push(File { name, text: "".into() });
                ui.active = ui.files.len() - 1;
            }
            Action::Close(i) => {
                if ui.files.len() > 1 && i < ui.files.len() {
                    Rc::make_mut(&mut ui.files).remove(i);
                    if ui.active >= i {
                        ui.active = ui.active.saturating_sub(1);
                    }
                    ui.reload += 1;
                }
            }
            Action::Rename(i, name) => {
                let name: String = name.trim().chars().filter(|c| !c.is_whitespace() && *c != '/').take(60).collect();
                let taken = ui.files.iter().enumerate().any(|(j, f)| j != i && f.name == name);
                if !name.is_empty()
                    && !taken
                    && let Some(f) = Rc::make_mut(&mut ui.files).get_mut(i)
                {
                    f.name = name;
                }
            }
            Action::Scenario(s) => {
                ui.present.step = 0;
                ui.scenario = s;
                ui.beside = None;
                ui.compare = false;
                ui.http = None;
                if ui.dock == Dock::Http {
                    ui.dock = Dock::Terminal;
                }
                ui.selected = None;
                ui.label = None;
                ui.search = None;
            }
            Action::Guide(open) => {
                storage::write("guide", if open { "1" } else { "0" });
                ui.guide = open;
            }
            Action::Search(s) => ui.search = s,
            Action::Label(l) => ui.label = l,
            Action::Toast(text) => {
                let n = ui.toast.as_ref().map_or(0, |(n, _)| n + 1);
                ui.toast = Some((n, text.into()));
            }
            Action::ToastOver(n) => {
                if ui.toast.as_ref().is_some_and(|(m, _)| *m == n) {
                    ui.toast = None;
                }
            }
            Action::Fold(i) => {
                if let Some(f) = ui.folded.get_mut(i) {
                    *f = !*f;
                }
                let kept: String = ui.folded.iter().map(|f| if *f { '1' } else { '0' }).collect();
                storage::write("folded", &kept);
            }
            Action::Compare(on) => ui.compare = on,
            Action::Http(to) => {
                ui.dock = match (&to, ui.dock) {
                    (Some(_), _) => Dock::Http,
                    (None, Dock::Http) => Dock::Terminal,
                    (None, other) => other,
                };
                if to.is_some() {
                    ui.phone = Phone::Dock;
                }
                ui.http = to;
            }
            Action::Notice(text) => ui.notice = text,
            Action::Beside(branch) => ui.beside = branch,
            Action::LessonEditor(on) => ui.lesson_editor = on,
            Action::After(line) => ui.after = line,
            Action::Present(p) => ui.present = p,
            Action::Legend(open) => {
                storage::write("legend", if open { "1" } else { "0" });
                ui.legend = open;
            }
        }
        Rc::new(ui)
    }
}

/// The page's state and the way to change it.
pub type UiHandle = UseReducerHandle<Ui>;
