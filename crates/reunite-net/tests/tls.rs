//! TLS servers, with clients that speak TLS, do not, or stall in the handshake.

mod common;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::echo;
use reunite_net::{Event, Limits, Listener, Server, Timeouts, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost`, its key, and a client configuration that trusts it.
struct Certificate {
    folder: TempDir,
    client_config: Arc<ClientConfig>,
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(
            folder.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        let client_config = config_trusting(made.cert.der());
        Self {
            folder,
            client_config,
        }
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
        let session = ClientConnection::new(Arc::clone(&self.client_config), name).unwrap();
        StreamOwned::new(session, plain(server))
    }
}

fn config_trusting(certificate: &CertificateDer<'static>) -> Arc<ClientConfig> {
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

fn ask(client: &mut Client, word: &str) -> String {
    client.write_all(word.as_bytes()).unwrap();
    let mut answer = vec![0; word.len()];
    client.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn clients_are_served_and_the_session_is_closed_properly() {
    let certificate = Certificate::new();
    let server = Server::on(certificate.listener()).start(echo).unwrap();
    let mut first = certificate.connect(&server);
    let mut second = certificate.connect(&server);
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
fn all_bytes_of_one_record_are_read() {
    let certificate = Certificate::new();
    // Reads one byte at a time and waits in between.
    let server = Server::on(certificate.listener())
        .start(|mut client| {
            let mut byte = [0];
            while client.more()? {
                client.read_exact(&mut byte)?;
                client.write_all(&byte)?;
            }
            Ok(())
        })
        .unwrap();
    let mut client = certificate.connect(&server);
    assert_eq!(ask(&mut client, "abcdefgh"), "abcdefgh");
    drop(client);
    server.shutdown(SOON).unwrap();
}

#[test]
fn a_long_file_arrives_complete_at_a_slow_client() {
    let certificate = Certificate::new();
    let text: Vec<u8> = (0..20_000_000u32).map(|at| (at % 251) as u8).collect();
    let path = certificate.path("long");
    fs::write(&path, &text).unwrap();
    let length = text.len() as u64;
    let server = Server::on(certificate.listener())
        .start(move |mut client| {
            let file = fs::File::open(&path)?;
            assert!(client.more()?);
            client.send_more(b"head")?;
            assert_eq!(client.send_file(&file, 0, length)?, length);
            client.send(b"tail")?;
            client.close();
            Ok(())
        })
        .unwrap();
    let mut client = certificate.connect(&server);
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
fn a_client_notices_the_truncation_by_a_failed_handler() {
    let certificate = Certificate::new();
    let server = Server::on(certificate.listener())
        .start(|mut client| {
            client.more()?;
            client.write_all(b"half of")?;
            Err("no more".into())
        })
        .unwrap();
    let mut client = certificate.connect(&server);
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
fn a_client_without_tls_is_sent_the_plain_answer_and_others_are_served() {
    let certificate = Certificate::new();
    let listener = Listener::tcp("127.0.0.1:0").unwrap();
    let listener = listener.secured(certificate.tls().answer_plain("speak TLS\n"));
    let server = Server::on(listener).start(echo).unwrap();
    let mut stranger = plain(&server);
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stranger.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "speak TLS\n");
    // Begins like TLS and continues with garbage.
    let mut babbler = plain(&server);
    babbler.write_all(&[22; 3000]).unwrap();
    let mut alert = Vec::new();
    match babbler.read_to_end(&mut alert) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        Ok(_) => assert!(alert.is_empty() || alert[0] == 21, "{alert:?}"),
    }
    assert_eq!(ask(&mut certificate.connect(&server), "still"), "still");
    drop(babbler);
    server.shutdown(SOON).unwrap();
}

#[test]
fn a_stalled_handshake_counts_towards_the_limit_until_its_deadline() {
    // On a busy machine the shorter deadline may pass before the other clients have connected.
    let in_time = [2, 16].map(Duration::from_secs);
    assert!(in_time.into_iter().any(stalled_handshakes));
}

/// Returns false if the stalled clients were closed before all others had connected.
fn stalled_handshakes(header: Duration) -> bool {
    let certificate = Certificate::new();
    let (report, events) = mpsc::channel();
    let server = Server::on(certificate.listener())
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
                report.send(event.to_string()).unwrap();
            }
        })
        .start(echo)
        .unwrap();
    let silent = plain(&server);
    let mut slow = plain(&server);
    slow.write_all(&[22, 3, 1, 1]).unwrap();
    // Others are served meanwhile, and those beyond the limit are sent the refusal, in TLS.
    let mut served = certificate.connect(&server);
    assert_eq!(ask(&mut served, "hello"), "hello");
    let mut refused = certificate.connect(&server);
    let mut answer = String::new();
    let heard = refused.read_to_string(&mut answer);
    let first = events.recv_timeout(SOON).unwrap();
    if first.contains("TLS handshake did not complete") {
        return false;
    }
    assert!(heard.is_ok() && answer == "full", "{answer}");
    assert!(first.contains("was refused"), "{first}");
    for mut gone in [silent, slow] {
        assert_eq!(gone.read(&mut [0]).unwrap(), 0);
        let event = events.recv_timeout(SOON).unwrap();
        assert!(event.contains("TLS handshake did not complete"), "{event}");
    }
    assert_eq!(ask(&mut served, "again"), "again");
    drop(served);
    server.shutdown(SOON).unwrap();
    true
}

#[test]
fn a_stalled_handshake_does_not_delay_a_shutdown() {
    let certificate = Certificate::new();
    let server = Server::on(certificate.listener()).start(echo).unwrap();
    let mut slow = plain(&server);
    slow.write_all(&[22, 3, 1]).unwrap();
    while server.connected() == 0 {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    server.shutdown(SOON).unwrap();
    assert!(
        begun.elapsed() < Timeouts::default().header,
        "it waited for the handshake"
    );
}

/// Each answer says whether it is the last, and no client is left without one.
#[test]
fn shutting_down_under_load_answers_every_request_that_was_read() {
    let certificate = Certificate::new();
    for _ in 0..5 {
        let server = Server::on(certificate.listener())
            .start(|mut client| {
                let mut question = [0; 8];
                while client.more()? {
                    client.read_exact(&mut question)?;
                    client.head_is_read();
                    let last = client.is_draining();
                    client.send_more(&question)?;
                    client.send(&[last.into()])?;
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
                let (begun, mut client) = (begun.clone(), certificate.connect(&server));
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
fn errors_of_certificates_and_keys_name_the_file() {
    let certificate = Certificate::new();
    let other = Certificate::new();
    let wrong = |cert: PathBuf, key: PathBuf| Tls::open(cert, key).unwrap_err().to_string();
    let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    let missing = wrong(certificate.path("none.pem"), key.clone());
    assert!(missing.contains("none.pem: No such file"), "{missing}");
    let swapped = wrong(key.clone(), key.clone());
    assert!(
        swapped.contains("key.pem: contains no certificate"),
        "{swapped}"
    );
    let swapped = wrong(cert.clone(), cert.clone());
    assert!(
        swapped.contains("cert.pem: contains no private key"),
        "{swapped}"
    );
    let strange = wrong(cert.clone(), other.path("key.pem"));
    assert!(
        strange.contains("key.pem: does not belong to the certificate in"),
        "{strange}"
    );
    let locked = certificate.path("locked.pem");
    let text = fs::read_to_string(&key).unwrap();
    fs::write(&locked, text.replace("PRIVATE", "ENCRYPTED PRIVATE")).unwrap();
    let locked = wrong(cert.clone(), locked);
    assert!(locked.contains("the key is encrypted"), "{locked}");
    let broken = certificate.path("broken.pem");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\n%%%\n").unwrap();
    let broken = wrong(broken, key);
    assert!(broken.contains("broken.pem: malformed PEM"), "{broken}");
}
