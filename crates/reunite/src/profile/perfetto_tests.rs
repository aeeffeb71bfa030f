//! Tests of the trace: it is read by `prost`, with message types copied here from Perfetto's `.proto` files.

use std::collections::{BTreeMap, HashMap};

use prost::Message;

use crate::primitive::Duration;
use crate::profile::names::{place, title};
use crate::profile::sample::{Sample, sample};
use crate::profile::slices::scope_lanes;
use crate::profile::{Profile, TaskProfile};

#[derive(Message)]
struct Trace {
    #[prost(message, repeated, tag = "1")]
    packet: Vec<TracePacket>,
}

#[derive(Message)]
struct TracePacket {
    #[prost(uint64, optional, tag = "8")]
    timestamp: Option<u64>,
    #[prost(uint32, tag = "10")]
    trusted_packet_sequence_id: u32,
    #[prost(message, optional, tag = "11")]
    track_event: Option<TrackEvent>,
    #[prost(message, optional, tag = "12")]
    interned_data: Option<InternedData>,
    #[prost(uint32, optional, tag = "13")]
    sequence_flags: Option<u32>,
    #[prost(message, optional, tag = "60")]
    track_descriptor: Option<TrackDescriptor>,
}

#[derive(Message)]
struct TrackEvent {
    #[prost(uint64, repeated, packed = "false", tag = "3")]
    category_iids: Vec<u64>,
    #[prost(message, repeated, tag = "4")]
    debug_annotations: Vec<DebugAnnotation>,
    #[prost(enumeration = "Type", tag = "9")]
    r#type: i32,
    #[prost(uint64, tag = "10")]
    name_iid: u64,
    #[prost(uint64, tag = "11")]
    track_uuid: u64,
    #[prost(fixed64, repeated, packed = "false", tag = "47")]
    flow_ids: Vec<u64>,
    #[prost(fixed64, repeated, packed = "false", tag = "48")]
    terminating_flow_ids: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum Type {
    Unspecified = 0,
    SliceBegin = 1,
    SliceEnd = 2,
    Instant = 3,
}

#[derive(Message)]
struct DebugAnnotation {
    #[prost(uint64, tag = "1")]
    name_iid: u64,
    #[prost(uint64, optional, tag = "3")]
    uint_value: Option<u64>,
    #[prost(string, optional, tag = "6")]
    string_value: Option<String>,
}

#[derive(Message)]
struct InternedData {
    #[prost(message, repeated, tag = "1")]
    event_categories: Vec<InternedName>,
    #[prost(message, repeated, tag = "2")]
    event_names: Vec<InternedName>,
    #[prost(message, repeated, tag = "3")]
    debug_annotation_names: Vec<InternedName>,
}

#[derive(Message)]
struct InternedName {
    #[prost(uint64, tag = "1")]
    iid: u64,
    #[prost(string, tag = "2")]
    name: String,
}

#[derive(Message)]
struct TrackDescriptor {
    #[prost(uint64, tag = "1")]
    uuid: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, optional, tag = "3")]
    process: Option<ProcessDescriptor>,
    #[prost(message, optional, tag = "4")]
    thread: Option<ThreadDescriptor>,
    #[prost(uint64, tag = "5")]
    parent_uuid: u64,
}

#[derive(Message)]
struct ProcessDescriptor {
    #[prost(int32, tag = "1")]
    pid: i32,
    #[prost(string, tag = "6")]
    process_name: String,
}

#[derive(Message)]
struct ThreadDescriptor {
    #[prost(int32, tag = "1")]
    pid: i32,
    #[prost(int32, tag = "2")]
    tid: i32,
    #[prost(string, tag = "5")]
    thread_name: String,
}

/// A slice or an instant as a reader of the trace sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TraceItem {
    track: u64,
    from: u64,
    to: u64,
    category: String,
    name: String,
    notes: BTreeMap<String, String>,
}

#[derive(Default)]
struct Read {
    tracks: HashMap<u64, TrackDescriptor>,
    items: Vec<TraceItem>,
    /// For each flow, the slice in which it begins and the instant in which it ends.
    flows: HashMap<u64, (usize, usize)>,
}

/// A reader of the packets, one after the other.
#[derive(Default)]
struct Reader {
    read: Read,
    /// The interned categories, names of events, and names of notes.
    names: [HashMap<u64, String>; 3],
    /// The slices of each track that have not ended.
    open: HashMap<u64, Vec<usize>>,
    /// The slice in which each flow begins.
    begun: HashMap<u64, usize>,
    /// The instant of the last begin or end of each track.
    last: HashMap<u64, u64>,
}

fn read(bytes: &[u8]) -> Read {
    let trace = Trace::decode(bytes).unwrap();
    assert_eq!(
        trace.encode_to_vec().len(),
        bytes.len(),
        "no field that the reader does not know"
    );
    let mut reader = Reader::default();
    for (n, packet) in trace.packet.into_iter().enumerate() {
        assert_eq!(packet.trusted_packet_sequence_id, 1);
        assert_eq!(n == 0, packet.sequence_flags == Some(1), "cleared first");
        reader.packet(packet);
    }
    let Reader {
        read, open, begun, ..
    } = reader;
    assert!(open.values().all(Vec::is_empty), "balanced");
    assert_eq!(begun.len(), read.flows.len(), "no flow without an end");
    read
}

impl Reader {
    fn packet(&mut self, packet: TracePacket) {
        if let Some(track) = packet.track_descriptor {
            let tracks = &mut self.read.tracks;
            assert!(track.process.is_some() || tracks.contains_key(&track.parent_uuid));
            assert!(tracks.insert(track.uuid, track).is_none());
            return;
        }
        assert_eq!(packet.sequence_flags, Some(2));
        if let Some(news) = packet.interned_data {
            self.intern(news);
        }
        self.event(packet.timestamp.unwrap(), packet.track_event.unwrap());
    }

    fn intern(&mut self, news: InternedData) {
        let kinds = [
            news.event_categories,
            news.event_names,
            news.debug_annotation_names,
        ];
        for (names, news) in self.names.iter_mut().zip(kinds) {
            for InternedName { iid, name } in news {
                assert!(iid > 0 && names.insert(iid, name).is_none());
            }
        }
    }

    fn event(&mut self, at: u64, event: TrackEvent) {
        let track = event.track_uuid;
        assert!(self.read.tracks.contains_key(&track));
        let item = self.read.items.len();
        match Type::try_from(event.r#type).unwrap() {
            Type::SliceEnd => {
                let ended = self.open.get_mut(&track).unwrap().pop().unwrap();
                self.read.items[ended].to = at;
                self.assert_in_order(track, at);
                return;
            }
            Type::SliceBegin => {
                self.assert_in_order(track, at);
                self.open.entry(track).or_default().push(item);
                for flow in &event.flow_ids {
                    assert!(self.begun.insert(*flow, item).is_none());
                }
            }
            kind => {
                assert_eq!(kind, Type::Instant);
                for flow in &event.terminating_flow_ids {
                    let ends = (self.begun[flow], item);
                    assert!(self.read.flows.insert(*flow, ends).is_none());
                }
            }
        }
        let [categories, names, note_names] = &self.names;
        let notes = event.debug_annotations.into_iter().map(|note| {
            let number = note.uint_value.map(|value| value.to_string());
            (
                note_names[&note.name_iid].clone(),
                number.or(note.string_value).unwrap(),
            )
        });
        self.read.items.push(TraceItem {
            track,
            from: at,
            to: at,
            category: categories[&event.category_iids[0]].clone(),
            name: names[&event.name_iid].clone(),
            notes: notes.collect(),
        });
    }

    fn assert_in_order(&mut self, track: u64, at: u64) {
        let last = self.last.entry(track).or_default();
        assert!(at >= *last, "the order of a track is that of time");
        *last = at;
    }
}

fn nanos(at: Duration) -> u64 {
    at.as_nanos() as u64
}

#[test]
fn another_reader_finds_every_field() {
    for (seed, count) in [(1, 3), (2, 60), (9, 700)] {
        let profile = sample(seed, count);
        let read = read(&profile.to_perfetto());
        assert_has_threads(&read, &profile);
        let tasks = profile.tasks.iter();
        let mut expected: Vec<_> = tasks.flat_map(items_of).collect();
        for (lane, scope, to) in scope_lanes(&profile) {
            let track = (profile.threads.len() + lane) as u64 + 2;
            assert_eq!(read.tracks[&track].name, "scopes");
            let notes = [("opened at".to_owned(), place(scope.scope.spawned_at()))];
            expected.push(TraceItem {
                track,
                from: nanos(scope.opened),
                to: nanos(to),
                category: "scope".to_owned(),
                name: title(&scope.scope),
                notes: notes.into(),
            });
        }
        let mut found = read.items.clone();
        found.retain(|item| item.category != "join");
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_has_joins(&read, &profile);
    }
}

fn assert_has_threads(read: &Read, profile: &Profile) {
    let process = read.tracks[&1].process.as_ref().unwrap();
    assert_eq!((process.pid, process.process_name.as_str()), (1, "reunite"));
    for (index, known) in profile.threads.iter().enumerate() {
        let track = &read.tracks[&(index as u64 + 2)];
        let thread = track.thread.as_ref().unwrap();
        assert_eq!(thread.thread_name, known.name);
        assert_eq!(
            (thread.pid, thread.tid, track.parent_uuid),
            (1, index as i32 + 2, 1)
        );
    }
}

/// The slices of a task: those in which it runs, and its waits.
fn items_of(task: &TaskProfile) -> Vec<TraceItem> {
    let mut common = BTreeMap::from([("task".to_owned(), task.task.to_string())]);
    if task.parent.is_some() {
        let line = place(task.task.spawned_at());
        common.insert("spawned at".to_owned(), line);
    }
    let runs = task.runs.iter().map(|run| {
        let mut notes = common.clone();
        if let Some((_, how)) = task.completed {
            notes.insert("completed".to_owned(), format!("{how:?}").to_lowercase());
        }
        TraceItem {
            track: run.thread as u64 + 2,
            from: nanos(run.from),
            to: nanos(run.to),
            category: "run".to_owned(),
            name: title(&task.task),
            notes,
        }
    });
    let waits = task.waits.iter().map(|wait| {
        let mut notes = common.clone();
        notes.insert("at".to_owned(), place(wait.at));
        notes.insert("locks held".to_owned(), wait.holds.to_string());
        let mut name = wait.verb.to_string();
        if let Some(object) = &wait.object {
            notes.insert("for".to_owned(), object.to_string());
            name = format!("{} {}", wait.verb, title(object));
        }
        TraceItem {
            track: wait.thread as u64 + 2,
            from: nanos(wait.from),
            to: nanos(wait.to),
            category: "wait".to_owned(),
            name,
            notes,
        }
    });
    runs.chain(waits).collect()
}

/// Each join is the end of a flow from the end of the joined task.
fn assert_has_joins(read: &Read, profile: &Profile) {
    let joined = || profile.tasks.iter().filter(|task| task.joined.is_some());
    for task in joined() {
        let (from, to) = read.flows[&task.task.id().as_u64()];
        let (from, to) = (&read.items[from], &read.items[to]);
        let (at, _, line) = task.joined.unwrap();
        assert_eq!(from.to, nanos(task.completed.unwrap().0));
        assert_eq!(from.notes["task"], task.task.to_string());
        assert_eq!((to.from, &to.notes["at"]), (nanos(at), &place(line)));
        assert_eq!(to.name, format!("joined {}", title(&task.task)));
    }
    assert_eq!(read.flows.len(), joined().count());
}

#[test]
fn the_smallest_trace_is_as_the_format_has_it() {
    let trace = Sample::fork().profile.to_perfetto();
    // Packet (1) of 22 bytes: sequence (10) 1, flags (13) 1, descriptor (60) of 15: uuid (1) 1, process (3) of 11:
    // pid (1) 1, name (6) of 7.
    let begin = [10, 22, 80, 1, 104, 1, 226, 3, 15, 8, 1, 26, 11, 8, 1, 50, 7];
    assert_eq!(trace[..begin.len()], begin);
    assert_eq!(&trace[begin.len()..begin.len() + 7], b"reunite");
}
