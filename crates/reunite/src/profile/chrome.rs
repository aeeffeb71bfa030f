//! Chrome's trace event JSON, which `chrome://tracing`, Perfetto and Speedscope open.
//!
//! The format is Google's "Trace Event Format": complete events (`X`) for runs and waits, flows (`s`,
//! `f`) for joins, nestable asynchronous events (`b`, `e`) for scopes, metadata (`M`) for names. Times are
//! microseconds, with three decimals.

use std::fmt::{Display, Write};

use super::model::{Profile, Waited};
use super::names::{completion_name, place, quote, title};
use super::slices::{Slice, arrows, by_thread, scope_lanes};
use crate::primitive::Duration;

/// The only process. A thread's number is its place in the profile plus two, because a thread that has the number of
/// its process is taken for its main thread.
const PROCESS: usize = 1;

fn thread(index: usize) -> usize {
    index + PROCESS + 1
}

struct Micros(Duration);

impl Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{:03}",
            self.0.as_micros(),
            self.0.subsec_nanos() % 1000
        )
    }
}

/// Events being written, each with its instant.
#[derive(Default)]
struct Events(Vec<(Duration, String)>);

impl Events {
    fn push(
        &mut self,
        phase: char,
        category: &str,
        name: &str,
        thread: usize,
        at: Duration,
        rest: &str,
    ) {
        let mut event = String::with_capacity(128);
        let _infallible = write!(
            event,
            r#"{{"ph":"{phase}","cat":"{category}","pid":{PROCESS},"tid":{thread},"ts":{},"name":"#,
            Micros(at)
        );
        quote(&mut event, name);
        event.push_str(rest);
        event.push('}');
        self.0.push((at, event));
    }
}

impl Profile {
    /// The profile as Chrome's trace event JSON: each thread is a thread of the trace, with its runs and
    /// waits; joins are flows; scopes are asynchronous events.
    ///
    /// ```
    /// let profiling = reunite::profile::start();
    /// reunite::scope(|s| drop(s.spawn(|| ())));
    /// let json = profiling.finish().to_chrome_json();
    /// assert!(json.starts_with(r#"{"displayTimeUnit":"ns","#));
    /// ```
    pub fn to_chrome_json(&self) -> String {
        let mut events = Events::default();
        name(&mut events, "process_name", 0, "reunite");
        for (index, known) in self.threads.iter().enumerate() {
            name(&mut events, "thread_name", thread(index), &known.name);
        }
        for (_, scope, to) in scope_lanes(self) {
            let id = format!(r#","id":"{}""#, scope.scope.id().as_u64());
            let title = format!("scope {}", title(&scope.scope));
            events.push('b', "scope", &title, thread(0), scope.opened, &id);
            events.push('e', "scope", &title, thread(0), to, &id);
        }
        for (index, slices) in by_thread(self).iter().enumerate() {
            slices
                .iter()
                .for_each(|slice| complete(&mut events, thread(index), slice));
        }
        for arrow in arrows(self) {
            let id = arrow.task.task.id().as_u64();
            // A flow is attached to the slice at its instant; at the very end of a slice there is none any more.
            let from = arrow
                .run
                .to
                .saturating_sub(Duration::from_nanos(1))
                .max(arrow.run.from);
            let mut rest = format!(r#","id":{id},"args":{{"at":"#);
            quote(&mut rest, &place(arrow.line));
            rest.push('}');
            events.push('s', "join", "join", thread(arrow.run.thread), from, &rest);
            rest.push_str(r#","bp":"e""#);
            events.push(
                'f',
                "join",
                "join",
                thread(arrow.to_thread),
                arrow.at.max(from),
                &rest,
            );
        }
        // The sort is stable: of two that begin together, the outer stays before the inner.
        events.0.sort_by_key(|(at, _)| *at);
        let mut out = format!(
            r#"{{"displayTimeUnit":"ns","otherData":{{"wall_us":{},"work_us":{},"span_us":{},"burdened_span_us":{},"cores":{},"forgotten":{}}},"traceEvents":["#,
            Micros(self.wall),
            Micros(self.work),
            Micros(self.span),
            Micros(self.burdened_span),
            self.cores,
            self.forgotten,
        );
        for (n, (_, event)) in events.0.iter().enumerate() {
            out.push_str(if n == 0 { "\n" } else { ",\n" });
            out.push_str(event);
        }
        out.push_str("\n]}\n");
        out
    }
}

fn name(events: &mut Events, what: &str, thread: usize, name: &str) {
    let mut rest = r#","args":{"name":"#.to_owned();
    quote(&mut rest, name);
    rest.push('}');
    events.push('M', "__metadata", what, thread, Duration::ZERO, &rest);
}

fn complete(events: &mut Events, thread: usize, slice: &Slice<'_>) {
    let lasts = Micros(slice.to.saturating_sub(slice.from));
    let mut rest = format!(r#","dur":{lasts},"args":{{"task":"#);
    quote(&mut rest, &slice.task.task.to_string());
    let (category, name) = match slice.wait {
        None => {
            if let Some((_, completion)) = slice.task.completed {
                let _infallible = write!(rest, r#","completed":"{}""#, completion_name(completion));
            }
            ("run", title(&slice.task.task))
        }
        Some(wait) => {
            rest.push_str(r#","at":"#);
            quote(&mut rest, &place(wait.at));
            if let Some(object) = &wait.object {
                rest.push_str(r#","for":"#);
                quote(&mut rest, &object.to_string());
            }
            let _infallible = write!(rest, r#","holds":{}"#, wait.holds);
            ("wait", wait_title(wait))
        }
    };
    rest.push('}');
    events.push('X', category, &name, thread, slice.from, &rest);
}

/// The title of a wait: "join resize", "lock".
pub(super) fn wait_title(wait: &Waited) -> String {
    match &wait.object {
        Some(object) => format!("{} {}", wait.verb, title(object)),
        None => wait.verb.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde_json::Value;

    use crate::primitive::Duration;
    use crate::profile::model::Profile;
    use crate::profile::sample::sample;

    fn nanos(value: &Value) -> u128 {
        (value.as_f64().unwrap() * 1000.0).round() as u128
    }

    fn events(profile: &Profile) -> Vec<Value> {
        let json: Value = serde_json::from_str(&profile.to_chrome_json()).unwrap();
        json["traceEvents"].as_array().unwrap().clone()
    }

    #[test]
    fn every_event_obeys_the_format() {
        let profile = sample(7, 500);
        let mut last = 0;
        let mut open = HashMap::new();
        let mut flows: HashMap<u64, u128> = HashMap::new();
        for event in events(&profile) {
            let at = nanos(&event["ts"]);
            assert!(at >= last, "sorted by time");
            last = at;
            assert_eq!(event["pid"], 1);
            assert!(event["tid"].is_u64() && event["name"].is_string() && event["cat"].is_string());
            match event["ph"].as_str().unwrap() {
                "M" => assert!(event["args"]["name"].is_string()),
                "X" => assert!(event["dur"].is_number()),
                "b" => {
                    let id = event["id"].as_str().unwrap().to_owned();
                    assert!(open.insert(id, event["name"].clone()).is_none());
                }
                "e" => {
                    let begun = open.remove(event["id"].as_str().unwrap());
                    assert_eq!(begun.as_ref(), Some(&event["name"]));
                }
                "s" => assert!(flows.insert(event["id"].as_u64().unwrap(), at).is_none()),
                "f" => {
                    assert_eq!(event["bp"], "e");
                    assert!(flows.remove(&event["id"].as_u64().unwrap()).unwrap() <= at);
                }
                other => panic!("unknown phase {other}"),
            }
        }
        assert!(open.is_empty() && flows.is_empty(), "balanced");
    }

    #[test]
    fn what_ran_and_waited_is_there_to_the_nanosecond() {
        let profile = sample(11, 300);
        let mut found: BTreeMap<(u64, bool, u128), u128> = BTreeMap::new();
        for event in events(&profile).iter().filter(|event| event["ph"] == "X") {
            let key = (
                event["tid"].as_u64().unwrap(),
                event["cat"] == "wait",
                nanos(&event["ts"]),
            );
            *found.entry(key).or_default() += nanos(&event["dur"]);
        }
        let mut expected: BTreeMap<(u64, bool, u128), u128> = BTreeMap::new();
        let mut add = |thread: usize, waits: bool, from: Duration, to: Duration| {
            *expected
                .entry((thread as u64 + 2, waits, from.as_nanos()))
                .or_default() += (to - from).as_nanos();
        };
        for task in &profile.tasks {
            task.runs
                .iter()
                .for_each(|run| add(run.thread, false, run.from, run.to));
            task.waits
                .iter()
                .for_each(|wait| add(wait.thread, true, wait.from, wait.to));
        }
        assert_eq!(found, expected);
        let joined = profile.tasks.iter().filter(|task| task.joined.is_some());
        let flows = events(&profile)
            .iter()
            .filter(|event| event["ph"] == "f")
            .count();
        assert_eq!(flows, joined.count());
    }
}
