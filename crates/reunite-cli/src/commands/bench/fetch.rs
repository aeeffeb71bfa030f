//! A slow server of photos on this machine, and its client.
//!
//! Each connection carries one request: the number of a photo, in eight bytes. The server waits for the given time and
//! sends the photo.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The server; its threads end when it is dropped. They are std's threads, so that they appear in no profile.
pub(super) struct PhotoServer {
    address: SocketAddr,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PhotoServer {
    pub(super) fn start(photos: Vec<Vec<u8>>, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_stopping);
        let thread = thread::Builder::new()
            .name("photo-server".to_owned())
            .spawn(move || {
                let photos = &photos;
                thread::scope(|s| {
                    for client in listener.incoming().map_while(Result::ok) {
                        if stop.load(Ordering::SeqCst) {
                            return;
                        }
                        // If the client is gone, the client reports the error.
                        s.spawn(move || drop(answer(client, photos, delay)));
                    }
                });
            })?;
        Ok(Self {
            address,
            is_stopping,
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PhotoServer {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        // The connection wakes the server; if it is refused, the server has ended already.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            // A panic was already printed by the panic hook.
            let _panicked = thread.join();
        }
    }
}

/// Reads a request and sends the photo after `delay`.
fn answer(mut client: TcpStream, photos: &[Vec<u8>], delay: Duration) -> io::Result<()> {
    let mut number = [0; 8];
    client.read_exact(&mut number)?;
    thread::sleep(delay);
    let number = usize::try_from(u64::from_le_bytes(number)).unwrap_or(0);
    client.write_all(&photos[number % photos.len()])
}

/// Fetches a photo by its number.
pub(super) fn fetch(server: SocketAddr, number: usize) -> io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect(server)?;
    connection.write_all(&(number as u64).to_le_bytes())?;
    let mut photo = Vec::new();
    connection.read_to_end(&mut photo)?;
    Ok(photo)
}
