//! Signals to `reunite images`: Ctrl-C, termination, hang-ups and kills.
#![cfg(unix)]

mod harness;

use std::io::{BufRead, BufReader};
#[cfg(target_os = "linux")]
use std::io::{Read, Write};
#[cfg(target_os = "linux")]
use std::process::Stdio;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use harness::{Place, Ran, assert_whole, files, photo, pictures, slow_photo, until};

const PART: &str = ".reunite-part";

/// Far less time than the slow picture takes to decode.
const SOON: Duration = Duration::from_secs(6);

fn send(signal: &str, child: &Child) {
    let mut kill = Command::new("kill");
    kill.args([format!("-{signal}"), child.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

/// Starts a run on forty pictures, sends the signal after the first result, and returns the summary of the stopped run.
fn stop_after_the_first_result(place: &Place, signal: &str) -> Value {
    let photo = photo(2000, 1500, 0);
    for n in 0..40 {
        place.write(&format!("in/{n}.jpg"), &photo);
    }
    let out = place.path("out");
    let child = place.start(&[
        &"images", &"in", &"--out", &"out", &"--json", &"--jobs", &"1",
    ]);
    until("the first result", || !pictures(&out).is_empty());
    send(signal, &child);
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    ran.summary()
}

#[test]
fn ctrl_c_leaves_complete_files_and_a_summary() {
    let place = Place::new();
    let summary = stop_after_the_first_result(&place, "INT");
    let out = place.path("out");
    let made = pictures(&out);
    assert_eq!(
        summary["written"].as_u64().unwrap(),
        made.len() as u64,
        "{summary}"
    );
    assert_eq!(summary["interrupted"], true);
    assert_eq!(made.len() as u64 + summary["left"].as_u64().unwrap(), 40);
    made.iter().for_each(|(_, path)| assert_whole(path));
    assert!(files(&out).iter().all(|(name, _)| !name.ends_with(PART)));
}

/// The program blocks on a full pipe that nothing reads, so the first Ctrl-C cannot stop it in order.
#[cfg(target_os = "linux")]
#[test]
fn a_second_ctrl_c_exits_although_the_program_is_blocked() {
    let place = Place::new();
    place.write("a.jpg", photo(300, 200, 1));
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // Fills the pipe.
    writer.write_all(&[b' '; 1 << 16]).unwrap();
    let mut child = place
        .command(&[&"images", &"a.jpg", &"--out", &"out", &"--json"])
        .stdout(Stdio::from(writer))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = place.path("out");
    until("the first result", || !pictures(&out).is_empty());
    // Interrupts that arrive together may count as one.
    until("the end", || {
        send("INT", &child);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut told = String::new();
    reader.read_to_string(&mut told).unwrap();
    assert!(!told.contains("summary"), "it ended in order: {told}");
    reunite_images::Probe::read(&std::fs::read(out.join("a.jpg")).unwrap()).unwrap();
}

/// The interrupt comes while a codec runs that cannot be stopped.
#[test]
fn ctrl_c_does_not_wait_for_a_codec() {
    let place = Place::new();
    place.write("in/1.jpg", photo(300, 200, 1));
    place.write("in/2-slow.jpg", slow_photo());
    place.write("in/3.jpg", photo(300, 200, 1));
    let out = place.path("out");
    let child = place.start(&[
        &"images", &"in", &"--out", &"out", &"--json", &"--jobs", &"1",
    ]);
    until("the first result", || !pictures(&out).is_empty());
    let start = Instant::now();
    send("INT", &child);
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let summary = ran.summary();
    assert_eq!(
        (&summary["written"], &summary["left"]),
        (&1.into(), &2.into())
    );
    // No temporary file is left.
    assert_eq!(pictures(&out).len(), 1);
    assert!(files(&out).iter().all(|(name, _)| !name.ends_with(PART)));
    // The finished picture is recorded, and the next run makes the rest.
    std::fs::remove_file(place.path("in/2-slow.jpg")).unwrap();
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--json"]);
    let summary = ran.summary();
    assert_eq!(
        (&summary["written"], &summary["current"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_termination_signal_stops_the_run_in_order() {
    let place = Place::new();
    let summary = stop_after_the_first_result(&place, "TERM");
    let out = place.path("out");
    assert_eq!(summary["interrupted"], true);
    assert_eq!(summary["written"], pictures(&out).len());
}

/// Returns true if this process ignores hang-ups; its children inherit that.
#[cfg(target_os = "linux")]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, so it is the lowest bit.
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 != 0
}

/// Starts the program as `nohup` does, and without.
#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_stops_the_run_in_order_unless_it_is_ignored() {
    let place = Place::new();
    let photo = photo(1200, 900, 1);
    for n in 0..40 {
        place.write(&format!("in/{n}.jpg"), &photo);
    }
    let program = env!("CARGO_BIN_EXE_reunite");
    // A shell cannot undo it if the tests themselves run under `nohup`.
    let heeded = if is_hang_up_ignored() {
        "exec env --default-signal=HUP"
    } else {
        "exec"
    };
    for (exec, code) in [("trap '' HUP; exec", 0), (heeded, 130)] {
        let out = place.path(format!("out{code}"));
        let script = format!("{exec} {program} images in --out out{code} --jobs 1 --json");
        let child = Command::new("sh")
            .args(["-c", &script])
            .current_dir(place.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until("the first result", || !pictures(&out).is_empty());
        send("HUP", &child);
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(ran.summary()["interrupted"], code == 130);
    }
}

/// Kills the program at numbers of results that a fixed seed chooses.
#[test]
fn killed_at_any_moment_no_file_is_partial_and_the_next_run_completes() {
    let place = Place::new();
    for n in 0..30 {
        place.write(&format!("in/{n:02}.jpg"), photo(700, 500, n));
    }
    let out = place.path("out");
    let mut seed = 0x9e37_79b9_u32;
    for _ in 0..test_scale::rounds(20) {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let events = (seed >> 16) % 28;
        let mut child = place.start(&[&"images", &"in", &"--out", &"out", &"--force", &"--json"]);
        // After this many lines and this many loops: anywhere in the work that follows a result.
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..events {
            lines.read_line(&mut String::new()).unwrap();
        }
        (0..seed % 5000).for_each(|_| std::hint::spin_loop());
        child.kill().unwrap();
        child.wait().unwrap();
        pictures(&out)
            .iter()
            .for_each(|(_, path)| assert_whole(path));
    }
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--force"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(pictures(&out).len(), 30);
    assert!(
        files(&out).iter().all(|(name, _)| !name.ends_with(PART)),
        "{:?}",
        files(&out)
    );
}
