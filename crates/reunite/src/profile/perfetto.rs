//! Perfetto's trace format: `TrackEvent`s in protocol buffers, as `ui.perfetto.dev` opens them.
//!
//! The messages are those of `protos/perfetto/trace` in Perfetto's source. The encoding is that of protocol buffers:
//! a key (field number and wire type) as a varint, then a varint, eight bytes, or a length and that many bytes.

use std::collections::HashMap;

use super::chrome::wait_title;
use super::model::Profile;
use super::names::{completion_name, origin, place, title};
use super::slices::{Slice, arrows, by_thread, scope_lanes};
use crate::id::Label;
use crate::primitive::Duration;

/// The number of the process and of its track. Threads follow; a thread that has the number of its process is taken for
/// its main thread.
const PROCESS: u64 = 1;

/// The sequence of the only writer; interned texts belong to one sequence.
const SEQUENCE: u64 = 1;

/// The number of a thread, and of its track.
fn thread(index: usize) -> u64 {
    index as u64 + PROCESS + 1
}

/// A message being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn fixed(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }
}

/// Field numbers, by message.
mod field {
    pub(super) const PACKET: u64 = 1;
    pub(super) mod packet {
        pub(crate) const TIMESTAMP: u64 = 8;
        pub(crate) const SEQUENCE: u64 = 10;
        pub(crate) const TRACK_EVENT: u64 = 11;
        pub(crate) const INTERNED: u64 = 12;
        pub(crate) const FLAGS: u64 = 13;
        pub(crate) const TRACK_DESCRIPTOR: u64 = 60;
    }
    pub(super) mod track {
        pub(crate) const UUID: u64 = 1;
        pub(crate) const NAME: u64 = 2;
        pub(crate) const PROCESS: u64 = 3;
        pub(crate) const THREAD: u64 = 4;
        pub(crate) const PARENT: u64 = 5;
    }
    pub(super) mod process {
        pub(crate) const PID: u64 = 1;
        pub(crate) const NAME: u64 = 6;
    }
    pub(super) mod thread {
        pub(crate) const PID: u64 = 1;
        pub(crate) const TID: u64 = 2;
        pub(crate) const NAME: u64 = 5;
    }
    pub(super) mod event {
        pub(crate) const CATEGORY: u64 = 3;
        pub(crate) const ANNOTATION: u64 = 4;
        pub(crate) const KIND: u64 = 9;
        pub(crate) const NAME: u64 = 10;
        pub(crate) const TRACK: u64 = 11;
        pub(crate) const FLOW: u64 = 47;
        pub(crate) const LAST_OF_FLOW: u64 = 48;
    }
    pub(super) mod annotation {
        pub(crate) const NAME: u64 = 1;
        pub(crate) const NUMBER: u64 = 3;
        pub(crate) const TEXT: u64 = 6;
    }
    pub(super) mod interned {
        pub(crate) const CATEGORIES: u64 = 1;
        pub(crate) const EVENTS: u64 = 2;
        pub(crate) const ANNOTATIONS: u64 = 3;
        pub(crate) const ID: u64 = 1;
        pub(crate) const NAME: u64 = 2;
    }
}

/// `TrackEvent.Type`.
#[derive(Clone, Copy)]
enum TrackEventType {
    Begin = 1,
    End = 2,
    Instant = 3,
}

/// `TracePacket.SequenceFlags`.
const CLEARED: u64 = 1;
const NEEDS_INTERNED: u64 = 2;

#[derive(Default)]
struct TraceWriter {
    out: Message,
    /// Numbers of interned texts, by the field of `InternedData` and the text.
    interned: HashMap<(u64, String), u64>,
    /// The texts that the packet being written is the first to use.
    news: Message,
}

impl TraceWriter {
    fn intern(&mut self, field: u64, text: &str) -> u64 {
        let next = self.interned.len() as u64 + 1;
        let key = (field, text.to_owned());
        let id = *self.interned.entry(key).or_insert(next);
        if id == next {
            self.news.message(field, |entry| {
                entry.number(field::interned::ID, id);
                entry.text(field::interned::NAME, text);
            });
        }
        id
    }

    fn track(&mut self, uuid: u64, flags: u64, fill: impl FnOnce(&mut Message)) {
        self.out.message(field::PACKET, |packet| {
            packet.number(field::packet::SEQUENCE, SEQUENCE);
            if flags != 0 {
                packet.number(field::packet::FLAGS, flags);
            }
            packet.message(field::packet::TRACK_DESCRIPTOR, |track| {
                track.number(field::track::UUID, uuid);
                fill(track);
            });
        });
    }

    fn event(
        &mut self,
        kind: TrackEventType,
        track: u64,
        at: Duration,
        fill: impl FnOnce(&mut Self, &mut Message),
    ) {
        let mut event = Message::default();
        event.number(field::event::KIND, kind as u64);
        event.number(field::event::TRACK, track);
        fill(self, &mut event);
        let news = std::mem::take(&mut self.news.0);
        self.out.message(field::PACKET, |packet| {
            let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
            packet.number(field::packet::TIMESTAMP, at);
            packet.number(field::packet::SEQUENCE, SEQUENCE);
            packet.number(field::packet::FLAGS, NEEDS_INTERNED);
            if !news.is_empty() {
                packet.bytes(field::packet::INTERNED, &news);
            }
            packet.bytes(field::packet::TRACK_EVENT, &event.0);
        });
    }

    fn name(&mut self, event: &mut Message, category: &str, name: &str) {
        let category = self.intern(field::interned::CATEGORIES, category);
        event.number(field::event::CATEGORY, category);
        let name = self.intern(field::interned::EVENTS, name);
        event.number(field::event::NAME, name);
    }

    fn note(&mut self, event: &mut Message, name: &str, value: impl FnOnce(&mut Message)) {
        let name = self.intern(field::interned::ANNOTATIONS, name);
        event.message(field::event::ANNOTATION, |note| {
            note.number(field::annotation::NAME, name);
            value(note);
        });
    }

    fn note_text(&mut self, event: &mut Message, name: &str, text: &str) {
        self.note(event, name, |note| note.text(field::annotation::TEXT, text));
    }

    fn note_label(&mut self, event: &mut Message, label: &Label) {
        self.note_text(event, "task", &label.to_string());
        if let Some(line) = origin(label) {
            self.note_text(event, "spawned at", &line);
        }
    }

    /// Begins a slice with its title. `flow` is true if it ended with a result that was taken.
    fn begin(&mut self, track: u64, slice: &Slice<'_>, flow: bool) {
        self.event(TrackEventType::Begin, track, slice.from, |trace, event| {
            match slice.wait {
                None => {
                    trace.name(event, "run", &title(&slice.task.task));
                    if let Some((_, completion)) = slice.task.completed {
                        trace.note_text(event, "completed", completion_name(completion));
                    }
                }
                Some(wait) => {
                    trace.name(event, "wait", &wait_title(wait));
                    trace.note_text(event, "at", &place(wait.at));
                    if let Some(object) = &wait.object {
                        trace.note_text(event, "for", &object.to_string());
                    }
                    let holds = wait.holds as u64;
                    trace.note(event, "locks held", |note| {
                        note.number(field::annotation::NUMBER, holds)
                    });
                }
            }
            trace.note_label(event, &slice.task.task);
            if flow {
                event.fixed(field::event::FLOW, slice.task.task.id().as_u64());
            }
        });
    }
}

impl Profile {
    /// The profile as a Perfetto trace: a track for each thread, with its runs and waits and, in annotations, the
    /// source lines; joins are flows; scopes are on tracks of their own.
    ///
    /// ```
    /// let profiling = reunite::profile::start();
    /// reunite::scope(|s| drop(s.spawn(|| ())));
    /// let trace: Vec<u8> = profiling.finish().to_perfetto(); // write it to a file, open it in ui.perfetto.dev
    /// assert!(!trace.is_empty());
    /// ```
    pub fn to_perfetto(&self) -> Vec<u8> {
        let mut trace = TraceWriter::default();
        trace.track(PROCESS, CLEARED, |track| {
            track.message(field::track::PROCESS, |process| {
                process.number(field::process::PID, PROCESS);
                process.text(field::process::NAME, "reunite");
            });
        });
        for (index, known) in self.threads.iter().enumerate() {
            trace.track(thread(index), 0, |track| {
                track.number(field::track::PARENT, PROCESS);
                track.message(field::track::THREAD, |it| {
                    it.number(field::thread::PID, PROCESS);
                    it.number(field::thread::TID, thread(index));
                    it.text(field::thread::NAME, &known.name);
                });
            });
        }
        self.scopes_to(&mut trace);
        let flows: HashMap<_, _> = arrows(self)
            .map(|arrow| (arrow.task.task.id(), arrow.run))
            .collect();
        for (index, slices) in by_thread(self).iter().enumerate() {
            let track = thread(index);
            let mut ends: Vec<Duration> = Vec::new();
            for slice in slices {
                while let Some(end) = ends.pop_if(|end| *end <= slice.from) {
                    trace.event(TrackEventType::End, track, end, |_, _| ());
                }
                let run = flows.get(&slice.task.task.id());
                let flow = run.is_some_and(|run| {
                    slice.wait.is_none() && (run.thread, run.from) == (index, slice.from)
                });
                trace.begin(track, slice, flow);
                ends.push(slice.to);
            }
            while let Some(end) = ends.pop() {
                trace.event(TrackEventType::End, track, end, |_, _| ());
            }
        }
        for arrow in arrows(self) {
            // The direction of a flow must be that of time.
            let at = arrow.at.max(arrow.run.from);
            trace.event(
                TrackEventType::Instant,
                thread(arrow.to_thread),
                at,
                |trace, event| {
                    trace.name(
                        event,
                        "join",
                        &format!("joined {}", title(&arrow.task.task)),
                    );
                    trace.note_text(event, "at", &place(arrow.line));
                    trace.note_label(event, &arrow.task.task);
                    event.fixed(field::event::LAST_OF_FLOW, arrow.task.task.id().as_u64());
                },
            );
        }
        trace.out.0
    }

    fn scopes_to(&self, trace: &mut TraceWriter) {
        let placed = scope_lanes(self);
        let lanes = placed.iter().map(|(lane, ..)| lane + 1).max();
        let track = |lane| thread(self.threads.len() + lane);
        for lane in 0..lanes.unwrap_or_default() {
            trace.track(track(lane), 0, |track| {
                track.number(field::track::PARENT, PROCESS);
                track.text(field::track::NAME, "scopes");
            });
        }
        for (lane, scope, to) in placed {
            trace.event(
                TrackEventType::Begin,
                track(lane),
                scope.opened,
                |trace, event| {
                    trace.name(event, "scope", &title(&scope.scope));
                    trace.note_text(event, "opened at", &place(scope.scope.spawned_at()));
                },
            );
            trace.event(TrackEventType::End, track(lane), to, |_, _| ());
        }
    }
}

#[cfg(test)]
#[path = "perfetto_tests.rs"]
mod tests;
