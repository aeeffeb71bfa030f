//! `reunite dump`, and the tree of `--progress tree`.
#![cfg(target_os = "linux")]

mod harness;

use std::io::{BufRead, BufReader};

use harness::Place;

/// Returns a folder with a job that takes long enough to be observed.
fn place() -> Place {
    let place = Place::new();
    let photo = large_png();
    for n in 0..40 {
        place.write(&format!("in/{n}.png"), &photo);
    }
    place
}

const JOB: [&dyn AsRef<std::ffi::OsStr>; 6] = [&"images", &"in", &"--out", &"out", &"--jobs", &"1"];

#[test]
fn a_running_program_shows_its_tasks() {
    let place = place();
    let mut running = place.start(&JOB);
    let pid = running.id().to_string();
    loop {
        let ran = place.run(&[&"dump", &pid]);
        match ran.code {
            Some(0) if ran.stdout.contains("opened by") => break,
            // The program has not opened its scope yet.
            _ if running.try_wait().expect("its state").is_none() => {}
            _ => panic!("it ended before it could be asked: {ran:?}"),
        }
    }
    let json = place.run(&[&"dump", &pid, &"--json"]);
    if json.code == Some(0) {
        let read: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        assert!(read["threadDump"]["threadContainers"].is_array());
    }
    running.kill().expect("it can be ended");
    running.wait().expect("it ends");
}

#[test]
fn without_a_terminal_the_tree_is_printed_periodically() {
    let place = place();
    let mut args = JOB.to_vec();
    args.extend([&"--progress" as &dyn AsRef<std::ffi::OsStr>, &"tree"]);
    let mut running = place.start(&args);
    let told = BufReader::new(running.stderr.take().expect("a pipe"));
    let mut lines = told.lines().map(|line| line.expect("text"));
    let has = |line: String| line.starts_with("scope `images` (") && line.contains("opened by");
    assert!(lines.any(has), "no tree before its end");
    running.kill().expect("it can be ended");
    running.wait().expect("it ends");
}

/// Returns a picture that takes some time to process.
fn large_png() -> Vec<u8> {
    let picture = image::RgbImage::from_fn(1500, 1500, |x, y| {
        image::Rgb([(x * y) as u8, (x ^ y) as u8, (x + y) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("a picture");
    bytes.into_inner()
}

#[test]
fn a_program_that_did_not_opt_in_is_not_disturbed() {
    let place = Place::new();
    let mut other = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("sleep");
    let ran = place.run(&[&"dump", &other.id().to_string()]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("answer_dump_requests"), "{ran:?}");
    assert!(
        other.try_wait().expect("its state").is_none(),
        "it still runs"
    );
    other.kill().expect("it can be ended");
    other.wait().expect("it ends");
    let nobody = place.run(&[&"dump", &"4000000"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.stderr.contains("no process 4000000"), "{nobody:?}");
}
