//! A server of photos on this machine that takes its time, and its client.
//!
//! One request a connection: the number of a photo, eight bytes. The answer: the photo, after the pace.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ends with its threads when dropped. They are plain ones: they are the world outside, and in no profile.
pub(super) struct Server {
    address: SocketAddr,
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(photos: Vec<Vec<u8>>, pace: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stops = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stops);
        let thread = thread::Builder::new()
            .name("photo-server".to_owned())
            .spawn(move || {
                let photos = &photos;
                thread::scope(|s| {
                    for client in listener.incoming().map_while(Result::ok) {
                        if asked.load(Ordering::SeqCst) {
                            return;
                        }
                        // A client that goes away misses its photo, and says so itself.
                        s.spawn(move || drop(answer(client, photos, pace)));
                    }
                });
            })?;
        Ok(Self {
            address,
            stops,
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::SeqCst);
        // The connection that wakes it; if it is refused, the server is gone already.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _told_by_the_hook = thread.join();
        }
    }
}

fn answer(mut client: TcpStream, photos: &[Vec<u8>], pace: Duration) -> io::Result<()> {
    let mut number = [0; 8];
    client.read_exact(&mut number)?;
    thread::sleep(pace);
    let number = usize::try_from(u64::from_le_bytes(number)).unwrap_or(0);
    client.write_all(&photos[number % photos.len()])
}

pub(super) fn fetch(server: SocketAddr, number: usize) -> io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect(server)?;
    connection.write_all(&(number as u64).to_le_bytes())?;
    let mut photo = Vec::new();
    connection.read_to_end(&mut photo)?;
    Ok(photo)
}
