//! The program's pages in a real browser; run by `cargo xtask browser`.

#[cfg(unix)]
#[path = "harness/driven.rs"]
mod driven;
mod harness;

use std::path::Path;
use std::process::{Command, Stdio};

#[cfg(unix)]
use driven::Driven;
use harness::Place;

/// A page as Chromium shows it after its scripts ran.
struct Seen {
    /// The document, without its scripts.
    document: String,
    picture: image::RgbImage,
}

fn chromium() -> &'static str {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let is_there = |name: &&str| {
        let mut asked = Command::new(name);
        asked
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    known
        .into_iter()
        .find(is_there)
        .expect("this test needs Chromium")
}

fn look_at(place: &Place, address: &str, scheme: &str) -> Seen {
    let picture = place.path("picture.png");
    let out = Command::new(chromium())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args(["--enable-logging=stderr", "--window-size=1300,900"])
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!(
            "--user-data-dir={}",
            place.path("browser").display()
        ))
        .arg(address)
        .output()
        .expect("Chromium starts");
    let told = String::from_utf8_lossy(&out.stderr);
    let complaint = told.lines().find(|line| line.contains("CONSOLE"));
    assert_eq!(complaint, None, "the page logs no error");
    let page = String::from_utf8(out.stdout).expect("text");
    let picture = image::open(&picture).expect("a picture of the page");
    Seen {
        document: without_scripts(&page),
        picture: picture.to_rgb8(),
    }
}

const LIGHT: &str = "1";
const DARK: &str = "0";

fn without_scripts(page: &str) -> String {
    let parts = page.split("<script").enumerate();
    parts
        .map(|(number, part)| match part.split_once("</script>") {
            Some((_, after)) if number > 0 => after,
            _ => part,
        })
        .collect()
}

impl Seen {
    fn has(&self, text: &str) {
        assert!(
            self.document.contains(text),
            "no {text:?} in\n{}",
            self.document
        );
    }

    /// Returns the average brightness, from 0 to 255.
    fn brightness(&self) -> u64 {
        let all = self.picture.as_raw().iter().map(|value| u64::from(*value));
        all.sum::<u64>() / self.picture.as_raw().len() as u64
    }

    /// Counts the colours of a part of the page, given in thousandths of width and height.
    fn colours(&self, x: std::ops::Range<u32>, y: std::ops::Range<u32>) -> usize {
        let (width, height) = self.picture.dimensions();
        let rows = y.start * height / 1000..y.end * height / 1000;
        let inside =
            rows.flat_map(|y| (x.start * width / 1000..x.end * width / 1000).map(move |x| (x, y)));
        let all: std::collections::BTreeSet<_> = inside
            .map(|(x, y)| self.picture.get_pixel(x, y).0)
            .collect();
        all.len()
    }
}

fn address_of(file: &Path) -> String {
    format!("file://{}", file.display())
}

#[test]
#[ignore = "needs Chromium"]
fn the_page_of_a_profile_shows_its_figures_and_its_timeline() {
    let place = Place::new();
    for n in 0..6 {
        place.write(&format!("in/{n}.png"), picture(n));
    }
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--profile", &"p.html"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let address = address_of(&place.path("p.html"));
    let light = look_at(&place, &address, LIGHT);
    for text in ["Parallelism", "Critical path", "pipeline.rs", "scope"] {
        light.has(text);
    }
    // The antialiased timeline has many colours; an empty canvas has only a few.
    let drawn = light.colours(150..650, 220..650);
    assert!(drawn > 50, "{drawn} colours in the timeline");
    let dark = look_at(&place, &address, DARK);
    assert!(
        dark.brightness() < 100 && light.brightness() > 150,
        "both themes"
    );
    assert!(dark.colours(150..650, 220..650) > 50);
}

#[test]
#[ignore = "needs Chromium"]
fn the_page_of_the_table_shows_four_timelines() {
    let place = Place::new();
    place.write("photos/1.png", picture(1));
    let ran = place.run(&[
        &"bench",
        &"table",
        &"--photos",
        &"photos",
        &"--items",
        &"4",
        &"--rounds",
        &"1",
        &"--pace",
        &"5ms",
        &"--html",
        &"t.html",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let seen = look_at(&place, &address_of(&place.path("t.html")), LIGHT);
    for text in [
        "one after another",
        "no coordination",
        "reunite",
        "joined where",
    ] {
        seen.has(text);
    }
    assert_eq!(seen.document.matches("<iframe").count(), 4);
}

/// A running `reunite serve`.
#[cfg(unix)]
struct Served {
    _child: Running,
    address: String,
    _told: std::io::BufReader<std::process::ChildStderr>,
}

#[cfg(unix)]
impl Served {
    fn start(place: &Place, more: &[&str]) -> Self {
        use std::io::{BufRead, BufReader};
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![
            &"serve",
            &"www",
            &"--listen",
            &"127.0.0.1:0",
            &"--log",
            &"none",
        ];
        args.extend(more.iter().map(|arg| arg as &dyn AsRef<std::ffi::OsStr>));
        let mut child = place.start(&args);
        let mut told = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        told.read_line(&mut line).expect("text");
        let address = line.split("http://").nth(1).expect("an address").trim();
        Self {
            address: format!("http://{address}"),
            _child: Running(child),
            _told: told,
        }
    }
}

/// Kills the process when the test ends, even by a panic.
#[cfg(unix)]
struct Running(std::process::Child);

#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
#[ignore = "needs Chromium"]
fn a_listing_names_what_is_there() {
    let place = Place::new();
    place.write("www/a <b> & c.txt", "hello");
    place.write("www/inner/d.txt", "hello");
    let served = Served::start(&place, &[]);
    let light = look_at(&place, &served.address, LIGHT);
    light.has("a &lt;b&gt; &amp; c.txt");
    light.has("inner/");
    let dark = look_at(&place, &served.address, DARK);
    assert!(
        dark.brightness() < 100 && light.brightness() > 150,
        "both themes"
    );
}

#[cfg(unix)]
#[test]
#[ignore = "needs Chromium"]
fn a_gallery_shows_thumbnails_and_one_picture_large() {
    let place = Place::new();
    for number in 1..=4 {
        place.write(
            format!("www/{number} & so.png").as_str(),
            picture(number * 50),
        );
    }
    place.write("www/broken.png", &picture(9)[..300]);
    let served = Served::start(&place, &["--gallery"]);
    let light = look_at(&place, &served.address, LIGHT);
    light.has("5 pictures");
    // The first row of tiles; without thumbnails it has only a few colours.
    let drawn = light.colours(10..600, 150..350);
    assert!(drawn > 500, "{drawn} colours in the thumbnails");
    let dark = look_at(&place, &served.address, DARK);
    assert!(dark.colours(10..600, 150..350) > 500);
    assert!(
        dark.brightness() + 60 < light.brightness(),
        "both themes: {} and {}",
        dark.brightness(),
        light.brightness()
    );

    let large = look_at(
        &place,
        &format!("{}#2%20%26%20so.png", served.address),
        LIGHT,
    );
    large.has("2 & so.png · 2 of 5".replace('&', "&amp;").as_str());
    // The picture is in the middle, and the page around it is hidden.
    assert!(large.colours(400..600, 400..550) > 500);
    assert!(large.colours(80..200, 100..900) < 10);
}

/// Returns a picture that differs for each `n`.
fn picture(n: u8) -> Vec<u8> {
    let picture =
        image::RgbImage::from_fn(400, 300, |x, y| image::Rgb([(x * y) as u8, n, y as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.expect("a picture");
    bytes.into_inner()
}

#[cfg(unix)]
#[test]
#[ignore = "needs Chromium"]
fn the_live_view_shows_the_tree_and_cancels() {
    use std::io::{BufRead, BufReader};

    let place = Place::new();
    place.write("photos/1.png", picture(1));
    let args: [&dyn AsRef<std::ffi::OsStr>; 10] = [
        &"bench",
        &"table",
        &"--photos",
        &"photos",
        &"--items",
        &"10000",
        &"--pace",
        &"20ms",
        &"--live",
        &"0",
    ];
    let mut bench = Running(place.start(&args));
    let mut line = String::new();
    let mut told = BufReader::new(bench.0.stderr.take().expect("a pipe"));
    told.read_line(&mut line).expect("text");
    let address = line.trim().strip_prefix("live view: ").expect(&line);

    let mut browser = Driven::open(chromium(), &place.path("browser"), address);
    let shows = |part: &str, text: &str| {
        format!("!!document.querySelector({part:?})?.innerText.includes({text:?})")
    };
    browser.until(&shows("#state", "live"));
    browser.until(&shows("#tree", "bench/mod.rs:"));
    browser.until(&shows("#tree", "signals"));
    browser.until(&shows("#own", "The live view itself"));
    assert_eq!(browser.ask(&shows("#own", "accept")), false, "folded");
    browser.ask("document.querySelector('#own .fold').click()");
    browser.until(&shows("#own", "accept"));
    browser.until("document.getElementById('spark').points.length > 3");

    let mut brightness = |scheme| {
        browser.prefer(scheme);
        let colour = browser.ask("getComputedStyle(document.body).backgroundColor");
        let numbers = colour
            .as_str()
            .expect("a colour")
            .split(|c: char| !c.is_ascii_digit());
        numbers
            .filter_map(|number| number.parse::<u32>().ok())
            .sum::<u32>()
            / 3
    };
    assert!(
        brightness("dark") < 60 && brightness("light") > 200,
        "both themes"
    );

    let press = "document.getElementById('cancel').click()";
    browser.ask(press);
    assert_eq!(browser.ask(&shows("#cancel", "Really cancel?")), true);
    browser.ask(press);
    browser.until(&shows("#state", "the program has ended"));
    assert_eq!(bench.0.wait().expect("it ends").code(), Some(130));
    assert_eq!(
        browser.ask("document.getElementById('cancel').disabled"),
        true
    );
    assert_eq!(browser.complaints(), [] as [&str; 0]);
}
