//! `reunite serve` as a user runs it.
#![cfg(unix)]

mod harness;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

use harness::Place;

fn ask(address: &str, raw: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    client.write_all(raw.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_folder_is_served_until_ctrl_c_and_each_answer_logged() {
    let place = Place::new();
    place.write("www/a.txt", "hello");
    let (child, address, mut stderr) = place.serve(&["--log", "json"]);
    let answer = ask(
        &address,
        "GET /a.txt HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["status"], 200);
    assert_eq!(line["request"], "GET /a.txt HTTP/1.1");
    assert_eq!(line["bytes"], 5);
    assert_eq!(line["agent"], "test");
    let mut end = String::new();
    stderr.read_to_string(&mut end).unwrap();
    assert!(end.contains("1 connection served"), "{end}");
}

#[test]
fn accounts_keep_strangers_out_and_the_common_log_names_the_user() {
    let place = Place::new();
    place.write("www/a.txt", "hello");
    let (child, address, _stderr) = place.serve(&["--auth", "ann:open sesame"]);
    let stranger = ask(
        &address,
        "GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert!(stranger.starts_with("HTTP/1.1 401 "), "{stranger}");
    assert!(stranger.contains("WWW-Authenticate: Basic"), "{stranger}");
    // ann:open sesame
    let known = ask(
        &address,
        "GET /a.txt HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YW5uOm9wZW4gc2VzYW1l\r\nConnection: close\r\n\r\n",
    );
    assert!(known.ends_with("hello"), "{known}");
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].starts_with("127.0.0.1 - - ["), "{log}");
    assert!(
        lines[1].contains(" - ann [") && lines[1].ends_with("\"GET /a.txt HTTP/1.1\" 200 5"),
        "{log}"
    );
}

#[test]
fn a_single_page_app_is_sent_for_every_page() {
    let place = Place::new();
    place.write("www/index.html", "the app");
    let (mut child, address, _stderr) = place.serve(&["--spa", "--max-age", "1m", "--log", "none"]);
    let page = ask(
        &address,
        "GET /any/where HTTP/1.1\r\nHost: a\r\nAccept: text/html,*/*\r\nConnection: close\r\n\r\n",
    );
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.ends_with("the app"),
        "{page}"
    );
    assert!(page.contains("Cache-Control: max-age=60"), "{page}");
    let picture = ask(
        &address,
        "GET /any.png HTTP/1.1\r\nHost: a\r\nAccept: image/*\r\nConnection: close\r\n\r\n",
    );
    assert!(picture.starts_with("HTTP/1.1 404 "), "{picture}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Creates a certificate for `localhost` and its key, as files.
fn certificate_files(place: &Place, mode: u32) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    use std::os::unix::fs::PermissionsExt;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.write("cert.pem", made.cert.pem());
    let key = place.write("key.pem", made.signing_key.serialize_pem());
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(mode)).unwrap();
    made
}

const OVER_TLS: [&str; 4] = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

#[test]
fn a_folder_is_served_over_tls() {
    use rustls::pki_types::ServerName;
    let place = Place::new();
    place.write("www/a.txt", "hello");
    let long: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    place.write("www/long.bin", &long);
    let made = certificate_files(&place, 0o600);
    let (child, address, mut stderr) = place.serve(&OVER_TLS);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let session = rustls::ClientConnection::new(config.into(), name).unwrap();
    let stream = TcpStream::connect(&address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut client = rustls::StreamOwned::new(session, stream);
    // Two requests in one record, the second answer longer than any buffer.
    client
        .write_all(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /long.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // An end without a close alert would be an error.
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(&long));
    assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(answer.windows(9).any(|nine| nine == b"\r\n\r\nhello"));

    let plain = ask(&address, "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        plain.starts_with("HTTP/1.1 400 ") && plain.ends_with("use https:// URLs.\n"),
        "{plain}"
    );

    let port = address.rsplit_once(':').unwrap().1;
    let asked = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*"])
        .arg("--cacert")
        .arg(place.path("cert.pem"))
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
        .arg(format!("https://localhost:{port}/a.txt"))
        .output();
    // Skipped where curl is not installed.
    if let Ok(output) = asked {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"hello");
    }

    interrupt(&child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let mut end = String::new();
    stderr.read_to_string(&mut end).unwrap();
    assert!(end.contains("connections served"), "{end}");
}

#[test]
fn unusable_certificate_files_are_named() {
    let place = Place::new();
    place.write("www/a", "");
    let serve = |more: &[&str]| {
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"serve", &"www", &"--listen", &"127.0.0.1:0"];
        args.extend(more.iter().map(|arg| arg as &dyn AsRef<std::ffi::OsStr>));
        place.run(&args)
    };
    let ran = serve(&OVER_TLS);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("cert.pem: No such file"),
        "{}",
        ran.stderr
    );
    let ran = serve(&OVER_TLS[..2]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--tls-key"), "{}", ran.stderr);
    certificate_files(&place, 0o600);
    place.write("key.pem", "nothing");
    let ran = serve(&OVER_TLS);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("key.pem: contains no private key"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_private_key_that_every_user_can_read_causes_a_warning() {
    let place = Place::new();
    place.write("www/a", "");
    certificate_files(&place, 0o644);
    let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
        vec![&"serve", &"www", &"--listen", &"127.0.0.1:0"];
    args.extend(
        OVER_TLS
            .iter()
            .map(|arg| arg as &dyn AsRef<std::ffi::OsStr>),
    );
    let mut child = place.start(&args);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = String::new();
    stderr.read_line(&mut lines).unwrap();
    stderr.read_line(&mut lines).unwrap();
    assert!(
        lines.contains("can read the private key key.pem") && lines.contains("serving www"),
        "{lines}"
    );
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let place = Place::new();
    let ran = place.run(&[&"serve", &"nowhere"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
    place.write("www/a", "");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = place.run(&[&"serve", &"www", &"--listen", &address]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains(&address), "{}", ran.stderr);
    let ran = place.run(&[&"serve", &"www", &"--accounts", &"none"]);
    assert_eq!(ran.code, Some(2));
    let message = "cannot read --accounts none: No such file";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    place.write("none", "\n");
    let ran = place.run(&[&"serve", &"www", &"--accounts", &"none"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("no account in this file"),
        "{}",
        ran.stderr
    );
}
