//! Galleries and their thumbnails.

mod common;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use common::TestSite;
use image::ImageEncoder;
use reunite_net::Timeouts;
use reunite_serve::{Gallery, Settings};

/// The messages of `on_trouble`.
type Messages = Arc<Mutex<Vec<String>>>;

fn gallery(memory: u64) -> (TestSite, Messages) {
    let messages = Messages::default();
    let teller = Arc::clone(&messages);
    let settings = Settings {
        gallery: Some(Gallery::new(memory, 2).on_trouble(move |line| {
            teller.lock().unwrap().push(line.to_owned());
        })),
        ..Settings::default()
    };
    let site = TestSite::with(settings, |builder| {
        builder.timeouts(Timeouts {
            idle: common::SOON,
            ..Timeouts::default()
        })
    });
    // An index would be served instead of the gallery.
    std::fs::remove_file(site.path("index.html")).unwrap();
    (site, messages)
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height)
        .flat_map(|at| [(at % 251) as u8, (at / width) as u8, 9])
        .collect();
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut bytes)
        .encode(&pixels, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn transparent_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(
            &vec![100; (width * height * 4) as usize],
            width,
            height,
            image::ExtendedColorType::Rgba8,
        )
        .unwrap();
    bytes
}

/// Returns the head and the body of the answer.
fn get(site: &TestSite, target: &str, more: &str) -> (String, Vec<u8>) {
    let mut client = site.connect();
    let raw = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n");
    client.write_all(raw.as_bytes()).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}

#[test]
fn a_folder_is_shown_as_a_gallery() {
    let (site, _) = gallery(1 << 30);
    std::fs::write(site.path("sub/one & <two>.jpg"), jpeg(900, 600)).unwrap();
    std::fs::write(site.path("sub/scan.tif"), "").unwrap();
    std::fs::write(site.path("sub/drawing.svg"), "<svg/>").unwrap();
    std::fs::write(site.path("sub/.hidden.jpg"), jpeg(10, 10)).unwrap();
    std::fs::create_dir(site.path("sub/deeper.jpg")).unwrap();
    let (head, body) = get(&site, "/sub/", "");
    let page = String::from_utf8(body).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("script-src 'sha256-"), "{head}");
    for part in [
        "3 pictures",
        "src=\"./one%20&amp;%20%3Ctwo%3E.jpg?thumb=",
        "data-view=\"./one%20&amp;%20%3Ctwo%3E.jpg\"",
        "<span>one &amp; &lt;two&gt;.jpg</span>",
        // Browsers do not support the format.
        "data-view=\"./scan.tif?view=",
        "src=\"./drawing.svg\"",
        "loading=lazy",
        // Other files and folders are listed, too.
        "<a href=\"./b%20&amp;%20c.txt\">",
        "<a href=\"./deeper.jpg/\">deeper.jpg/</a>",
        "<a href=\"../\">",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("hidden.jpg"), "{page}");
}

#[test]
fn thumbnails_are_small_square_and_cacheable() {
    let (site, messages) = gallery(1 << 30);
    std::fs::write(site.path("photo.jpg"), jpeg(900, 600)).unwrap();
    std::fs::write(site.path("glass.png"), transparent_png(500, 800)).unwrap();
    let (head, body) = get(&site, "/photo.jpg?thumb=1", "");
    assert!(head.contains("Content-Type: image/jpeg"), "{head}");
    assert!(head.contains("immutable"), "{head}");
    let small = image::load_from_memory(&body).unwrap();
    assert_eq!((small.width(), small.height()), (400, 400));
    let (_, body) = get(&site, "/photo.jpg?view", "");
    let large = image::load_from_memory(&body).unwrap();
    assert_eq!((large.width(), large.height()), (900, 600));
    let (head, body) = get(&site, "/glass.png?thumb", "");
    assert!(head.contains("Content-Type: image/webp"), "{head}");
    assert!(head.contains("Cache-Control: no-cache"), "{head}");
    assert_eq!(&body[8..12], b"WEBP");

    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .unwrap();
    let known = format!("If-None-Match: {tag}\r\n");
    let (head, _) = get(&site, "/glass.png?thumb", &known);
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    // A new version of the file has a new thumbnail.
    std::fs::write(site.path("glass.png"), transparent_png(90, 80)).unwrap();
    let (head, body) = get(&site, "/glass.png?thumb", &known);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(&body[8..12], b"WEBP");
    // Without the query it is the file itself.
    let (_, body) = get(&site, "/photo.jpg", "");
    assert_eq!(body, jpeg(900, 600));
    assert!(messages.lock().unwrap().is_empty());
}

#[test]
fn files_that_are_not_served_have_no_thumbnails() {
    let (site, _) = gallery(1 << 30);
    std::fs::write(site.path(".hidden.jpg"), jpeg(50, 50)).unwrap();
    let outside = site.path("../outside/photo.jpg");
    std::fs::write(&outside, jpeg(50, 50)).unwrap();
    std::os::unix::fs::symlink(&outside, site.path("link.jpg")).unwrap();
    for name in [
        "/.hidden.jpg",
        "/link.jpg",
        "/none.jpg",
        "/dir-out/outside/photo.jpg",
    ] {
        let (head, _) = get(&site, &format!("{name}?thumb=1"), "");
        assert!(head.starts_with("HTTP/1.1 404 "), "{name}: {head}");
    }
    let (_, page) = get(&site, "/", "");
    assert!(!String::from_utf8(page).unwrap().contains("link.jpg"));
}

#[test]
fn a_broken_picture_is_reported_once() {
    let (site, messages) = gallery(1 << 30);
    let whole = jpeg(800, 800);
    std::fs::write(site.path("sub/broken.jpg"), &whole[..200]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let (head, body) = get(&site, "/sub/broken.jpg?thumb=1", "");
                assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                assert!(head.contains("Cache-Control: no-cache"), "{head}");
                assert!(body.starts_with(b"<svg "));
            });
        }
    });
    let messages = messages.lock().unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(
        messages[0].starts_with("sub/broken.jpg: no thumbnail: "),
        "{messages:?}"
    );
}

#[test]
fn thumbnails_share_the_memory_and_a_picture_beyond_it_is_refused() {
    // Enough for one of the small pictures at a time.
    let (site, messages) = gallery(6 << 20);
    for number in 0..12 {
        std::fs::write(
            site.path(&format!("{number}.jpg")),
            jpeg(1000, 1000 + number),
        )
        .unwrap();
    }
    std::fs::write(site.path("huge.png"), transparent_png(3000, 3000)).unwrap();
    let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let site = &site;
        let asked: Vec<_> = (0..36)
            .map(|at| scope.spawn(move || get(site, &format!("/{}.jpg?thumb=1", at % 12), "").1))
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    for (at, body) in bodies.iter().enumerate() {
        assert_eq!(body, &bodies[at % 12]);
        assert!(image::load_from_memory(body).is_ok(), "{at}");
    }
    assert!(messages.lock().unwrap().is_empty(), "{messages:?}");
    let (_, body) = get(&site, "/huge.png?thumb=1", "");
    assert!(body.starts_with(b"<svg "));
    let messages = messages.lock().unwrap();
    assert!(
        messages[0].contains("of memory, more than the limit of"),
        "{messages:?}"
    );
}
