//! `reunite bench table`, and `--profile`.

mod harness;

use harness::Place;

fn photo(seed: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(300, 200, |x, y| {
        image::Rgb([(x + seed) as u8, (y * seed) as u8, (x ^ y) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("a picture");
    bytes.into_inner()
}

#[test]
fn the_table_has_four_ways_and_only_one_loses_errors() {
    let place = Place::new();
    place.write("photos/a.jpg", photo(1));
    place.write("photos/b.jpg", photo(2));
    place.write("photos/broken.jpg", &photo(3)[..200]);
    let args: [&dyn AsRef<std::ffi::OsStr>; 9] = [
        &"bench",
        &"table",
        &"--photos",
        &"photos",
        &"--items",
        &"6",
        &"--pace",
        &"5ms",
        &"--json",
    ];
    let ran = place.run(&args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let rows: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let errors = |row: &serde_json::Value| row["errors"].as_array().map_or(0, Vec::len);
    let known: Vec<_> = rows.iter().map(errors).collect();
    assert_eq!(known, [2, 0, 2, 2], "{rows:?}");
    let essay: Vec<_> = rows
        .iter()
        .map(|row| row["essay_seconds"].as_f64())
        .collect();
    assert_eq!(essay, [Some(35.0), Some(15.0), Some(22.0), None]);
    assert!(
        rows.iter().all(|row| row["seconds"].as_f64() > Some(0.0)),
        "{rows:?}"
    );
    assert!(
        rows.iter()
            .all(|row| row["parallelism"].as_f64() > Some(0.5)),
        "{rows:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let place = Place::new();
    place.write("photos/a.jpg", photo(1));
    let args = "bench table --photos photos --items 1 --rounds 1 --pace 1ms";
    let args: Vec<&str> = args.split(' ').collect();
    let args: Vec<&dyn AsRef<std::ffi::OsStr>> = args.iter().map(|arg| arg as _).collect();
    let mut child = place.start(&args);
    drop(child.stdout.take());
    let ran: harness::Ran = child.wait_with_output().expect("the program ends").into();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_table_is_printed_even_if_the_page_cannot_be_written() {
    let place = Place::new();
    place.write("photos/a.jpg", photo(1));
    let args =
        "bench table --photos photos --items 1 --rounds 1 --pace 1ms --html missing/page.html";
    let args: Vec<&str> = args.split(' ').collect();
    let args: Vec<&dyn AsRef<std::ffi::OsStr>> = args.iter().map(|arg| arg as _).collect();
    let ran = place.run(&args);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("one after another"), "{ran:?}");
    assert!(
        ran.stderr.contains("cannot write missing/page.html"),
        "{ran:?}"
    );
}

#[test]
fn without_photos_the_table_says_what_it_needs() {
    let ran = Place::new().run(&[&"bench", &"table"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--photos"), "{ran:?}");
}

#[test]
fn a_profile_is_written_or_the_failure_reported() {
    let place = Place::new();
    place.write("in/a.jpg", photo(1));
    let ran = place.run(&[
        &"images",
        &"in",
        &"--out",
        &"out",
        &"--profile",
        &"profile.txt",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = std::fs::read_to_string(place.path("profile.txt")).expect("a profile");
    assert!(
        text.contains("parallelism") && text.contains("span"),
        "{text}"
    );

    let nowhere = place.run(&[
        &"images",
        &"in",
        &"--out",
        &"out",
        &"--force",
        &"--profile",
        &"nowhere/profile.txt",
    ]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(
        nowhere.stderr.contains("nowhere/profile.txt"),
        "{nowhere:?}"
    );
    assert!(
        place.path("out/a.jpg").exists(),
        "the picture is still made"
    );
}
