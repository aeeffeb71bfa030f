//! A site with a file of each kind, served on loopback, and a client that sends and receives raw bytes.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reunite_net::{Listener, Server, ServerBuilder, Timeouts};
use reunite_serve::{Settings, Site};
use tempfile::TempDir;

pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct TestSite {
    pub(crate) server: Server,
    folder: TempDir,
}

impl TestSite {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default(), |builder| builder)
    }

    pub(crate) fn with(
        settings: Settings,
        choose: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("secret.txt"), "secret!").unwrap();
        for name in ["www/sub", "www/.git", "www/.well-known", "outside"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let write = |name: &str, text: &[u8]| {
            fs::write(at("www").join(name), text).unwrap();
        };
        write("a.txt", b"0123456789");
        write("empty.txt", b"");
        write("with space.txt", b"spaced");
        write("index.html", b"<p>the index");
        write("long.txt", "all work and no play. ".repeat(200).as_bytes());
        write("noise.png", &[7; 4000]);
        write("ready.css", b"p { }");
        write("ready.css.gz", b"precompressed");
        write("sub/b & c.txt", b"bc");
        write(".hidden", b"secret!");
        write("sub/.hidden", b"secret!");
        write(".git/config", b"secret!");
        write(".well-known/x", b"known");
        symlink(at("secret.txt"), at("www/link-out")).unwrap();
        symlink(folder.path(), at("www/dir-out")).unwrap();
        symlink("a.txt", at("www/link-in")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(at("www/pipe"))
            .status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        // Old enough for its date to identify the version.
        let before = SystemTime::now() - Duration::from_secs(100);
        let file = fs::File::options()
            .write(true)
            .open(at("www/a.txt"))
            .unwrap();
        file.set_modified(before).unwrap();

        let site = Site::open(at("www"), settings).unwrap();
        let builder = site
            .builder()
            .listen(Listener::tcp("127.0.0.1:0").unwrap())
            .timeouts(Timeouts {
                idle: SOON,
                ..Timeouts::default()
            });
        let server = choose(builder).start(site.handler()).unwrap();
        Self { server, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("www").join(name)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.server.address().unwrap()).unwrap();
        client.set_read_timeout(Some(SOON)).unwrap();
        client
    }

    /// Sends `raw`, shuts down the sending side, and returns everything that comes back.
    pub(crate) fn ask(&self, raw: &[u8]) -> String {
        self.ask_in_pieces(raw, raw.len())
    }

    pub(crate) fn ask_in_pieces(&self, raw: &[u8], piece: usize) -> String {
        let mut client = self.connect();
        client.set_nodelay(true).unwrap();
        for piece in raw.chunks(piece) {
            // The server may have closed the connection already.
            if client.write_all(piece).is_err() {
                break;
            }
        }
        let _gone = client.shutdown(Shutdown::Write);
        rest(client)
    }

    /// Sends the beginning, asserts that nothing comes back, and sends the rest.
    pub(crate) fn ask_in_two(&self, raw: &[u8], end: usize) -> String {
        let mut client = self.connect();
        client.write_all(&raw[..end]).unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        // A signal, such as one that continues a stopped process, interrupts a read that has a timeout.
        let error = std::iter::repeat_with(|| client.read(&mut [0]).unwrap_err())
            .find(|error| error.kind() != ErrorKind::Interrupted);
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::WouldBlock));
        client.set_read_timeout(Some(SOON)).unwrap();
        client.write_all(&raw[end..]).unwrap();
        rest(client)
    }

    pub(crate) fn tag_and_date(&self, path: &str) -> (String, String) {
        let answer = self.ask(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let field = |name: &str| {
            let line = answer
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            line.trim().to_owned()
        };
        (field("ETag:"), field("Last-Modified:"))
    }
}

/// Reads until the end of the stream, or until the connection is reset.
pub(crate) fn rest(mut client: TcpStream) -> String {
    let mut answer = Vec::new();
    match client.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}
