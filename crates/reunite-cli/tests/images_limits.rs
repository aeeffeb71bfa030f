//! The limits of `reunite images`: memory, and time while a codec runs.

mod harness;

use std::time::{Duration, Instant};

use harness::{Place, Ran, photo, pictures, slow_photo};

/// Far less time than the slow picture takes to decode.
const SOON: Duration = Duration::from_secs(6);

#[test]
fn a_picture_that_needs_more_than_allowed_is_refused_and_the_others_are_made() {
    let place = Place::new();
    place.write("in/large.jpg", photo(3000, 2000, 1));
    place.write("in/small.jpg", photo(300, 200, 2));
    let run = |memory: &str| {
        place.run(&[
            &"images",
            &"in",
            &"--out",
            &"out",
            &"--size",
            &"2500",
            &"--memory",
            &memory,
        ])
    };
    let ran = run("8M");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let message = "large.jpg: needs ";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("more than the limit of 8 MiB; raise it with --memory"),
        "{}",
        ran.stderr
    );
    assert_eq!(pictures(&place.path("out")).len(), 1);
    // With the memory that the message names, the picture is made.
    let needed = ran.stderr.split(message).nth(1).unwrap();
    let needed = needed.split(" of memory").next().unwrap().replace(' ', "");
    let ran = run(&needed);
    assert_eq!(ran.code, Some(0), "{needed}: {ran:?}");
}

/// Sparse files of three gigabytes: they are not read, and no memory is allocated for them.
#[cfg(unix)]
#[test]
fn a_file_longer_than_the_memory_allowed_is_not_read() {
    let place = Place::new();
    for (name, first) in [
        ("in/zeros.jpg", &b""[..]),
        ("in/photo.jpg", &photo(64, 64, 1)),
    ] {
        let path = place.write(name, first);
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        if let Err(error) = file.set_len(3 << 30) {
            eprintln!("not tested: this file system has no sparse files ({error})");
            return;
        }
    }
    let program = env!("CARGO_BIN_EXE_reunite");
    let script = format!("ulimit -v 1500000; exec {program} images in --out out --memory 200M");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(place.path(""));
    let ran: Ran = shell.output().unwrap().into();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for line in [
        "zeros.jpg: not a supported picture",
        "photo.jpg: needs 3 GiB of memory, more than the limit of 200 MiB; raise it with --memory",
    ] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
}

/// Eight pictures at a time, where the budget has room for one or two.
#[test]
fn pictures_wait_when_memory_is_short() {
    let place = Place::new();
    for n in 0..12 {
        place.write(&format!("in/{n}.jpg"), photo(900 + n, 700, n));
    }
    let ran = place.run(&[
        &"images",
        &"in",
        &"--out",
        &"out",
        &"--jobs",
        &"8",
        &"--memory",
        &"8M",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(pictures(&place.path("out")).len(), 12);
}

#[test]
fn a_picture_that_takes_too_long_fails_and_its_codec_is_abandoned() {
    let place = Place::new();
    place.write("in/1-slow.jpg", slow_photo());
    for n in 2..6 {
        place.write(&format!("in/{n}.jpg"), photo(300, 200, n));
    }
    let run = |option: &'static str, time: &str, out: &str| {
        let start = Instant::now();
        let ran = place.run(&[
            &"images", &"in", &"--out", &out, &"--json", &"--jobs", &"1", &option, &time,
        ]);
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        let written = pictures(&place.path(out)).len();
        assert_eq!(ran.summary()["written"], written);
        (ran, written)
    };
    // On a busy machine the small pictures may be late too; then the run is repeated with more time.
    let small_ones_are_made = ["300ms", "2s"].into_iter().any(|time| {
        let (ran, written) = run("--item-timeout", time, time);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let late = "1-slow.jpg: took longer";
        assert!(ran.stderr.contains(late), "{}", ran.stderr);
        written == 4
    });
    assert!(small_ones_are_made);
    let (ran, _) = run("--timeout", "300ms", "out");
    assert_eq!(ran.code, Some(124), "{ran:?}");
    assert_eq!(ran.summary()["left"], 5);
}
