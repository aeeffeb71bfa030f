//! A self-contained page: the timeline, the figures, the lines that wait, the hints.
//!
//! The page is `timeline.html`. The profile is embedded as JSON in columns: each text once, and its number wherever it
//! is used; instants as differences from the previous one. That takes some 140 bytes for each task.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{Display, Write};

use super::model::{HintKind, Profile};
use super::names::{completion_name, origin, place, quote};
use super::slices::{critical_path, index};
use crate::id::Label;
use crate::observe::Verb;
use crate::primitive::Duration;

const PAGE: &str = include_str!("timeline.html");

/// The placeholder for the profile. A test checks that it occurs only once in the page.
const DATA: &str = "\"the profile\"";

impl Profile {
    /// The profile as one self-contained HTML file: a timeline by thread and by task, which can be zoomed, searched
    /// and pointed at, with joins as arrows and the critical path; beside it the figures, the lines that wait, and
    /// the hints.
    ///
    /// ```
    /// let profiling = reunite::profile::start();
    /// reunite::scope(|s| drop(s.spawn(|| ())));
    /// let page = profiling.finish().to_html();
    /// assert!(page.starts_with("<!doctype html>"));
    /// ```
    pub fn to_html(&self) -> String {
        PAGE.replacen(DATA, &data(self), 1)
    }
}

#[derive(Default)]
struct Texts {
    known: HashMap<String, usize>,
    all: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        self.all.push(text.to_owned());
        self.known.insert(text.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }
}

/// A JSON object being written.
struct JsonObject(String);

impl JsonObject {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn put(&mut self, name: &str, value: impl Display) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        let _infallible = write!(self.0, "{comma}\"{name}\":{value}");
    }

    fn time(&mut self, name: &str, time: Duration) {
        self.put(name, time.as_nanos());
    }

    fn column<T: Display>(&mut self, name: &str, values: impl Iterator<Item = T>) {
        self.put(name, list(values));
    }

    fn maybe<T: Display>(&mut self, name: &str, values: impl Iterator<Item = Option<T>>) {
        self.column(
            name,
            values.map(|value| value.map_or_else(|| "null".to_owned(), |value| value.to_string())),
        );
    }

    /// Instants (or other increasing numbers), as differences.
    fn put_differences(&mut self, name: &str, values: impl Iterator<Item = i128>) {
        let mut before = 0;
        self.column(
            name,
            values.map(|value| value - std::mem::replace(&mut before, value)),
        );
    }

    fn done(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn list<T: Display>(values: impl Iterator<Item = T>) -> String {
    let mut out = "[".to_owned();
    for value in values {
        let comma = if out.len() > 1 { "," } else { "" };
        let _infallible = write!(out, "{comma}{value}");
    }
    out.push(']');
    out
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    quote(&mut out, text);
    out
}

/// The part of a label before its line.
fn short(label: &Label) -> String {
    let whole = label.to_string();
    let line = format!(" ({})", place(label.spawned_at()));
    whole
        .strip_suffix(&line)
        .map(str::to_owned)
        .unwrap_or(whole)
}

fn data(profile: &Profile) -> String {
    let mut texts = Texts::default();
    let mut out = JsonObject::new();
    out.time("wall", profile.wall);
    out.time("work", profile.work);
    out.time("span", profile.span);
    out.time("burdened", profile.burdened_span);
    out.put("cores", profile.cores);
    out.put("forgotten", profile.forgotten);
    out.column(
        "threads",
        profile.threads.iter().map(|thread| quoted(&thread.name)),
    );
    out.put("tasks", tasks(profile, &mut texts));
    out.put("runs", runs(profile));
    out.put("waits", waits(profile, &mut texts));
    out.put("scopes", scopes(profile, &mut texts));
    out.put("sites", sites(profile));
    out.put("path", path(profile));
    out.put("hints", hints(profile));
    out.column("texts", texts.all.iter().map(|text| quoted(text)));
    out.done()
}

fn tasks(profile: &Profile, texts: &mut Texts) -> String {
    let index = index(profile);
    let scopes: HashMap<_, _> = profile
        .scopes
        .iter()
        .map(|scope| scope.scope.id())
        .zip(0..)
        .collect::<HashMap<_, usize>>();
    let tasks = || profile.tasks.iter();
    let mut out = JsonObject::new();
    out.put_differences(
        "id",
        tasks().map(|task| i128::from(task.task.id().as_u64())),
    );
    out.maybe(
        "name",
        tasks().map(|task| task.task.name().map(|name| texts.number(name))),
    );
    out.maybe(
        "label",
        tasks().map(|task| {
            // Most labels can be made from name and number.
            let label = short(&task.task);
            let usual = match task.task.name() {
                Some(name) => label == format!("task `{name}`"),
                None => label == format!("task {}", task.task.id()),
            };
            (!usual).then(|| texts.number(&label))
        }),
    );
    out.column(
        "at",
        tasks().map(|task| texts.number(&origin(&task.task).unwrap_or_default())),
    );
    out.maybe("parent", tasks().map(|task| index.get(&task.parent?)));
    out.maybe("scope", tasks().map(|task| scopes.get(&task.scope?)));
    out.put_differences("spawned", tasks().map(|task| nanos(task.spawned)));
    out.maybe(
        "started",
        tasks().map(|task| Some(nanos(task.started?) - nanos(task.spawned))),
    );
    out.maybe(
        "completed",
        tasks().map(|task| Some(nanos(task.completed?.0) - nanos(task.spawned))),
    );
    out.maybe(
        "how",
        tasks().map(|task| Some(texts.number(completion_name(task.completed?.1)))),
    );
    out.maybe(
        "joined",
        tasks().map(|task| Some(nanos(task.joined?.0) - nanos(task.spawned))),
    );
    out.maybe("joiner", tasks().map(|task| index.get(&task.joined?.1)));
    out.maybe(
        "joinAt",
        tasks().map(|task| Some(texts.number(&place(task.joined?.2)))),
    );
    out.column("runs", tasks().map(|task| task.runs.len()));
    out.column("waits", tasks().map(|task| task.waits.len()));
    out.done()
}

fn runs(profile: &Profile) -> String {
    let runs = || profile.tasks.iter().flat_map(|task| &task.runs);
    let mut out = JsonObject::new();
    out.column("thread", runs().map(|run| run.thread));
    out.put_differences("from", runs().map(|run| nanos(run.from)));
    out.column("lasts", runs().map(|run| nanos(run.to) - nanos(run.from)));
    out.done()
}

/// Returns the colour of a wait on the page: the one for tasks, for locks, or for everything else.
fn hue(verb: Verb) -> u8 {
    match verb {
        Verb::Turn | Verb::Shutdown => 0,
        verb if verb.is_for_tasks() => 0,
        Verb::Lock | Verb::Read | Verb::Write => 1,
        _ => 2,
    }
}

fn waits(profile: &Profile, texts: &mut Texts) -> String {
    let index = index(profile);
    let waits = || profile.tasks.iter().flat_map(|task| &task.waits);
    let mut out = JsonObject::new();
    out.column("verb", waits().map(|wait| texts.number(wait.verb.as_str())));
    let verbs: BTreeSet<_> = waits().map(|wait| wait.verb).collect();
    out.column(
        "hues",
        verbs
            .into_iter()
            .map(|verb| format!("[{},{}]", texts.number(verb.as_str()), hue(verb))),
    );
    out.maybe(
        "task",
        waits().map(|wait| index.get(&wait.object.as_ref()?.id())),
    );
    out.maybe(
        "object",
        waits().map(|wait| {
            let object = wait.object.as_ref()?;
            (!index.contains_key(&object.id())).then(|| texts.number(&object.to_string()))
        }),
    );
    out.column("at", waits().map(|wait| texts.number(&place(wait.at))));
    out.column("thread", waits().map(|wait| wait.thread));
    out.put_differences("from", waits().map(|wait| nanos(wait.from)));
    out.column(
        "lasts",
        waits().map(|wait| nanos(wait.to) - nanos(wait.from)),
    );
    out.column("holds", waits().map(|wait| wait.holds));
    out.done()
}

fn scopes(profile: &Profile, texts: &mut Texts) -> String {
    let index = index(profile);
    let scopes = || profile.scopes.iter();
    let mut out = JsonObject::new();
    out.column(
        "label",
        scopes().map(|scope| texts.number(&short(&scope.scope))),
    );
    out.column(
        "at",
        scopes().map(|scope| texts.number(&place(scope.scope.spawned_at()))),
    );
    out.maybe("owner", scopes().map(|scope| index.get(&scope.owner)));
    out.put_differences("opened", scopes().map(|scope| nanos(scope.opened)));
    out.maybe(
        "lasts",
        scopes().map(|scope| Some(nanos(scope.ended?) - nanos(scope.opened))),
    );
    out.done()
}

fn sites(profile: &Profile) -> String {
    list(profile.sites.iter().map(|site| {
        let mut out = JsonObject::new();
        out.put("at", quoted(&place(site.at)));
        out.put("verb", quoted(site.verb.as_str()));
        out.put("waits", site.waits);
        out.time("lost", site.lost);
        out.time("notStarted", site.not_started);
        out.time("running", site.running);
        out.time("blocked", site.blocked);
        out.time("waking", site.waking);
        out.done()
    }))
}

fn path(profile: &Profile) -> String {
    let parts = critical_path(profile).into_iter();
    let parts: HashMap<_, _> = parts
        .map(|(step, task, from, to)| (step, (task, from, to)))
        .collect();
    list(profile.critical_path.iter().enumerate().map(|(n, step)| {
        let mut out = JsonObject::new();
        out.put("label", quoted(&short(&step.task)));
        let began = !step.is_join && std::ptr::eq(step.at, step.task.spawned_at());
        let line = match began {
            true => origin(&step.task).unwrap_or_default(),
            false => place(step.at),
        };
        out.put("at", quoted(&line));
        out.put("join", step.is_join);
        out.time("lasts", step.lasts);
        if let Some((task, from, to)) = parts.get(&n) {
            out.put("task", task);
            out.time("from", *from);
            out.time("to", *to);
        }
        out.done()
    }))
}

fn hints(profile: &Profile) -> String {
    list(profile.hints.iter().map(|hint| {
        let kind = match hint.kind {
            HintKind::PrematureJoin => "premature join",
            HintKind::SpawnThenJoin => "join right after spawn",
            HintKind::LonelyScope => "scope with one task",
            HintKind::HeadOfLine => "head-of-line wait",
            HintKind::FineGrain => "fine grain",
            HintKind::LockAcrossJoin => "lock across a join",
        };
        let mut out = JsonObject::new();
        out.put("kind", quoted(kind));
        out.put("at", quoted(&place(hint.at)));
        out.time("saves", hint.saves);
        out.put("text", quoted(&hint.text));
        out.done()
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{DATA, PAGE, data, hue, nanos};
    use crate::profile::sample::sample;

    fn numbers(value: &Value) -> Vec<i128> {
        let all = value.as_array().unwrap().iter();
        all.map(|value| value.as_i64().unwrap().into()).collect()
    }

    fn undo_rising(value: &Value) -> Vec<i128> {
        let mut at = 0;
        let differences = numbers(value).into_iter();
        differences
            .map(|by| {
                at += by;
                at
            })
            .collect()
    }

    #[test]
    fn the_page_holds_the_data_once_and_asks_for_nothing_else() {
        assert_eq!(PAGE.matches(DATA).count(), 1);
        for remote in [
            "http://", "https://", "src=", "href=", "@import", "url(", "fetch(",
        ] {
            assert!(!PAGE.contains(remote), "{remote}");
        }
        let page = sample(1, 200).to_html();
        let scripts = |html: &str| html.matches("</script>").count();
        assert_eq!(scripts(&page), scripts(PAGE), "names close no script");
    }

    #[test]
    fn the_columns_say_what_the_profile_says() {
        let profile = sample(4, 500);
        let json: Value = serde_json::from_str(&data(&profile)).unwrap();
        let tasks = &json["tasks"];
        let spawned = undo_rising(&tasks["spawned"]);
        let from = undo_rising(&json["runs"]["from"]);
        let lasts = numbers(&json["runs"]["lasts"]);
        let text = |value: &Value| json["texts"][value.as_u64().unwrap() as usize].clone();
        let mut run = 0;
        for (i, task) in profile.tasks.iter().enumerate() {
            assert_eq!(spawned[i], nanos(task.spawned));
            assert_eq!(tasks["runs"][i], task.runs.len());
            for known in &task.runs {
                assert_eq!(
                    (from[run], from[run] + lasts[run]),
                    (nanos(known.from), nanos(known.to))
                );
                run += 1;
            }
            match task.task.name() {
                Some(name) => assert_eq!(text(&tasks["name"][i]), name),
                None => assert!(tasks["name"][i].is_null()),
            }
            if let Some((at, by, _)) = task.joined {
                let joiner = tasks["joiner"][i].as_u64().unwrap() as usize;
                assert_eq!(profile.tasks[joiner].task.id(), by);
                assert_eq!(
                    spawned[i] + i128::from(tasks["joined"][i].as_i64().unwrap()),
                    nanos(at)
                );
            }
        }
        assert_eq!(run, lasts.len());
        let waits: usize = profile.tasks.iter().map(|task| task.waits.len()).sum();
        assert_eq!(numbers(&json["waits"]["lasts"]).len(), waits);
        let hues = json["waits"]["hues"].as_array().unwrap();
        for wait in profile.tasks.iter().flat_map(|task| &task.waits) {
            let is_it = |pair: &&Value| text(&pair[0]) == wait.verb.as_str();
            let found = hues.iter().find(is_it).expect("each verb has a colour");
            assert_eq!(found[1], hue(wait.verb));
        }
        assert_eq!(
            undo_rising(&json["scopes"]["opened"]).len(),
            profile.scopes.len()
        );
        assert_eq!(json["sites"].as_array().unwrap().len(), profile.sites.len());
    }

    /// Writes pages to look at: `REUNITE_PAGES=folder cargo test -p reunite --lib write_pages -- --ignored`.
    #[test]
    #[ignore = "writes pages to look at"]
    fn write_pages() {
        let folder = std::env::var("REUNITE_PAGES").expect("REUNITE_PAGES names a folder");
        for count in [10, 1_000, 100_000] {
            let page = sample(2, count).to_html();
            std::fs::write(format!("{folder}/{count}.html"), page).unwrap();
        }
    }
}
