//! Servers that speak TLS, and clients that do, do not, or only begin to.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use reunite_net::{Connection, Event, Limits, Listener, Outcome, Server, Timeouts, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost`, and who trusts it.
struct Papers {
    folder: TempDir,
    trust: Arc<ClientConfig>,
}

impl Papers {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(
            folder.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        let trust = trust(made.cert.der());
        Self { folder, trust }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tls(&self) -> Tls {
        Tls::open(self.path("cert.pem"), self.path("key.pem")).unwrap()
    }

    fn listener(&self) -> Listener {
        Listener::tcp("127.0.0.1:0").unwrap().secured(self.tls())
    }

    fn connect(&self, server: &Server) -> Client {
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.trust), name).unwrap();
        StreamOwned::new(session, plain(server))
    }
}

fn trust(certificate: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn plain(server: &Server) -> TcpStream {
    let client = TcpStream::connect(server.address().unwrap()).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    client
}

/// Bytes in, the same bytes out.
fn echo(mut client: Connection) -> Outcome {
    let mut bytes = [0; 1024];
    while client.more()? {
        client.head_is_read();
        let count = client.read(&mut bytes)?;
        client.write_all(&bytes[..count])?;
    }
    client.close();
    Ok(())
}

fn ask(client: &mut Client, word: &str) -> String {
    client.write_all(word.as_bytes()).unwrap();
    let mut answer = vec![0; word.len()];
    client.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn clients_speak_and_the_end_is_said_in_so_many_words() {
    let papers = Papers::new();
    let server = Server::on(papers.listener()).start(echo).unwrap();
    let mut first = papers.connect(&server);
    let mut second = papers.connect(&server);
    assert_eq!(ask(&mut second, "two"), "two");
    assert_eq!(ask(&mut first, "one"), "one");
    let down = std::thread::spawn(move || server.shutdown(SOON));
    // Without a goodbye this would be an error.
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
    drop((first, second));
    let served = down.join().unwrap().unwrap();
    assert_eq!((served.connections, served.failed), (2, 0));
}

#[test]
fn words_that_came_in_one_record_are_all_found() {
    let papers = Papers::new();
    // Takes one byte at a time and waits between them.
    let server = Server::on(papers.listener())
        .start(|mut client| {
            let mut byte = [0];
            while client.more()? {
                client.read_exact(&mut byte)?;
                client.write_all(&byte)?;
            }
            Ok(())
        })
        .unwrap();
    let mut client = papers.connect(&server);
    assert_eq!(ask(&mut client, "abcdefgh"), "abcdefgh");
    drop(client);
    server.shutdown(SOON).unwrap();
}

#[test]
fn a_long_file_arrives_whole_at_a_client_that_takes_its_time() {
    let papers = Papers::new();
    let text: Vec<u8> = (0..20_000_000u32).map(|at| (at % 251) as u8).collect();
    let path = papers.path("long");
    fs::write(&path, &text).unwrap();
    let length = text.len() as u64;
    let server = Server::on(papers.listener())
        .start(move |mut client| {
            let file = fs::File::open(&path)?;
            assert!(client.more()?);
            client.send(b"head", true)?;
            assert_eq!(client.send_file(&file, 0, length)?, length);
            client.send(b"tail", false)?;
            client.close();
            Ok(())
        })
        .unwrap();
    let mut client = papers.connect(&server);
    client.write_all(b"go").unwrap();
    let mut all = vec![0; 100_000];
    client.read_exact(&mut all).unwrap();
    let server = std::thread::spawn(move || server.shutdown(SOON));
    client.read_to_end(&mut all).unwrap();
    assert!(all.starts_with(b"head") && all.ends_with(b"tail"));
    assert!(all[4..all.len() - 4] == text);
    server.join().unwrap().unwrap();
}

#[test]
fn a_handler_that_fails_cuts_its_client_short_and_that_shows() {
    let papers = Papers::new();
    let server = Server::on(papers.listener())
        .start(|mut client| {
            client.more()?;
            client.write_all(b"half of")?;
            Err("no more".into())
        })
        .unwrap();
    let mut client = papers.connect(&server);
    client.write_all(b"x").unwrap();
    let error = client.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        ),
        "{error}"
    );
    assert_eq!(server.shutdown(SOON).unwrap().failed, 1);
}

#[test]
fn who_speaks_no_tls_is_told_and_harms_nobody() {
    let papers = Papers::new();
    let listener = Listener::tcp("127.0.0.1:0").unwrap();
    let listener = listener.secured(papers.tls().answer_plain("speak TLS\n"));
    let server = Server::on(listener).start(echo).unwrap();
    let mut stranger = plain(&server);
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stranger.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "speak TLS\n");
    // Begins like TLS and goes on with anything.
    let mut babbler = plain(&server);
    babbler.write_all(&[22; 3000]).unwrap();
    let mut alert = Vec::new();
    match babbler.read_to_end(&mut alert) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        Ok(_) => assert!(alert.is_empty() || alert[0] == 21, "{alert:?}"),
    }
    assert_eq!(ask(&mut papers.connect(&server), "still"), "still");
    drop(babbler);
    server.shutdown(SOON).unwrap();
}

#[test]
fn a_handshake_that_stalls_is_gone_at_the_deadline_and_counts_until_then() {
    // On a busy machine the shorter ones may pass before the others have come.
    let in_time = [2, 16].map(Duration::from_secs);
    assert!(in_time.into_iter().any(stalled_handshakes));
}

/// False if the stalled ones were gone before all the others had come.
fn stalled_handshakes(header: Duration) -> bool {
    let papers = Papers::new();
    let (tell, told) = mpsc::channel();
    let server = Server::on(papers.listener())
        .limits(Limits {
            connections: 3,
            ..Limits::default()
        })
        .timeouts(Timeouts {
            header,
            ..Timeouts::default()
        })
        .refuse_with("full")
        .on_event(move |event| {
            if matches!(event, Event::Failed { .. } | Event::Refused { .. }) {
                tell.send(event.to_string()).unwrap();
            }
        })
        .start(echo)
        .unwrap();
    let silent = plain(&server);
    let mut slow = plain(&server);
    slow.write_all(&[22, 3, 1, 1]).unwrap();
    // Others are served meanwhile, and those beyond the limit are told so, in TLS.
    let mut served = papers.connect(&server);
    assert_eq!(ask(&mut served, "hello"), "hello");
    let mut refused = papers.connect(&server);
    let mut answer = String::new();
    let heard = refused.read_to_string(&mut answer);
    let first = told.recv_timeout(SOON).unwrap();
    if first.contains("late with its handshake") {
        return false;
    }
    assert!(heard.is_ok() && answer == "full", "{answer}");
    assert!(first.contains("was refused"), "{first}");
    for mut gone in [silent, slow] {
        assert_eq!(gone.read(&mut [0]).unwrap(), 0);
        let event = told.recv_timeout(SOON).unwrap();
        assert!(event.contains("late with its handshake"), "{event}");
    }
    assert_eq!(ask(&mut served, "again"), "again");
    drop(served);
    server.shutdown(SOON).unwrap();
    true
}

#[test]
fn a_handshake_that_stalls_does_not_hold_up_a_shutdown() {
    let papers = Papers::new();
    let server = Server::on(papers.listener()).start(echo).unwrap();
    let mut slow = plain(&server);
    slow.write_all(&[22, 3, 1]).unwrap();
    while server.connected() == 0 {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    server.shutdown(SOON).unwrap();
    assert!(
        begun.elapsed() < Timeouts::default().header,
        "it waited for that"
    );
}

/// Each answer says whether it is the last, and nobody is left without one.
#[test]
fn shutting_down_under_load_answers_every_request_that_was_read() {
    let papers = Papers::new();
    for _ in 0..5 {
        let server = Server::on(papers.listener())
            .start(|mut client| {
                let mut question = [0; 8];
                while client.more()? {
                    client.read_exact(&mut question)?;
                    client.head_is_read();
                    let last = client.is_draining();
                    client.send(&question, true)?;
                    client.send(&[last.into()], false)?;
                    if last {
                        break;
                    }
                }
                client.close();
                Ok(())
            })
            .unwrap();
        let (begun, begins) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let (begun, mut client) = (begun.clone(), papers.connect(&server));
                scope.spawn(move || {
                    for count in 0u64.. {
                        client.write_all(&count.to_be_bytes()).unwrap();
                        let mut answer = [0; 9];
                        client.read_exact(&mut answer).unwrap();
                        assert_eq!(answer[..8], count.to_be_bytes());
                        if answer[8] != 0 {
                            break;
                        }
                        if count == 10 {
                            begun.send(()).unwrap();
                        }
                    }
                    assert_eq!(client.read(&mut [0]).unwrap(), 0, "a goodbye");
                });
            }
            for _ in 0..8 {
                begins.recv_timeout(SOON).unwrap();
            }
            assert_eq!(server.shutdown(SOON).unwrap().failed, 0);
        });
    }
}

#[test]
fn what_is_wrong_with_papers_is_told_with_the_name_of_the_file() {
    let papers = Papers::new();
    let other = Papers::new();
    let wrong = |cert: PathBuf, key: PathBuf| Tls::open(cert, key).unwrap_err().to_string();
    let (cert, key) = (papers.path("cert.pem"), papers.path("key.pem"));
    let missing = wrong(papers.path("none.pem"), key.clone());
    assert!(missing.contains("none.pem: No such file"), "{missing}");
    let swapped = wrong(key.clone(), key.clone());
    assert!(
        swapped.contains("key.pem: there is no certificate in it"),
        "{swapped}"
    );
    let swapped = wrong(cert.clone(), cert.clone());
    assert!(
        swapped.contains("cert.pem: there is no private key in it"),
        "{swapped}"
    );
    let strange = wrong(cert.clone(), other.path("key.pem"));
    assert!(
        strange.contains("key.pem: it is not the key of the certificate in"),
        "{strange}"
    );
    let locked = papers.path("locked.pem");
    let text = fs::read_to_string(&key).unwrap();
    fs::write(&locked, text.replace("PRIVATE", "ENCRYPTED PRIVATE")).unwrap();
    let locked = wrong(cert.clone(), locked);
    assert!(locked.contains("the key is encrypted"), "{locked}");
    let broken = papers.path("broken.pem");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\n%%%\n").unwrap();
    let broken = wrong(broken, key);
    assert!(broken.contains("broken.pem: it is not PEM"), "{broken}");
}
