//! A small HTTP/1.1 server: one thread per connection, keep-alive, and a record of every request.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A client's request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The index of the server's address that received it.
    pub host: usize,
    /// The method, such as `GET`.
    pub method: String,
    /// The path and the query.
    pub path: String,
    /// The header fields, with their names in lower case.
    pub headers: HashMap<String, String>,
    /// The number of earlier requests for this path to this host.
    pub before: usize,
}

/// A request that was received, and when.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The request.
    pub request: Request,
    /// The time at which its head was complete.
    pub at: Instant,
}

/// One step of a reply that controls the connection itself.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sleeps.
    Wait(Duration),
    /// Sends these bytes repeatedly, with this pause in between, until the client closes the connection.
    Drip(Vec<u8>, Duration),
    /// Waits until the client closes the connection.
    Hang,
    /// Closes the connection with a TCP reset.
    Reset,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    steps: Option<Vec<Step>>,
}

impl Reply {
    /// Returns a reply with a status and an empty body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            steps: None,
        }
    }

    /// Returns an HTML page.
    pub fn html(text: impl Into<Vec<u8>>) -> Self {
        Self::bytes("text/html; charset=utf-8", text)
    }

    /// Returns a body of this media type.
    pub fn bytes(media: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut reply = Self::status(200).header("content-type", media);
        reply.body = body.into();
        reply
    }

    /// Returns a redirect.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).header("location", to)
    }

    /// Returns a reply that performs exactly these steps instead of sending an answer, then closes the connection.
    pub fn steps(steps: impl Into<Vec<Step>>) -> Self {
        let mut reply = Self::status(200);
        reply.steps = Some(steps.into());
        reply
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets how long after the request the reply is sent.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    seen: Mutex<Vec<Seen>>,
    counts: Mutex<HashMap<(usize, String), usize>>,
    arrived: Condvar,
    streams: Mutex<HashMap<u64, TcpStream>>,
    /// The number of requests in progress, and the maximum so far.
    in_progress: Mutex<(usize, usize)>,
    stopped: AtomicBool,
}

/// A running server; it stops when dropped.
pub struct Server {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    listeners: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on `hosts` loopback addresses: 127.0.0.1, 127.0.0.2 and so on, each with a port of its own.
    ///
    /// # Errors
    /// Returns an error if it cannot listen at the addresses.
    pub fn start(
        hosts: usize,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            seen: Mutex::default(),
            counts: Mutex::default(),
            arrived: Condvar::new(),
            streams: Mutex::default(),
            in_progress: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
        for host in 0..hosts {
            let last = u8::try_from(host + 1).map_err(io::Error::other)?;
            let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0))?;
            addresses.push(listener.local_addr()?);
            let shared = Arc::clone(&shared);
            listeners.push(std::thread::spawn(move || listen(&listener, host, &shared)));
        }
        Ok(Self {
            addresses,
            shared,
            listeners,
        })
    }

    /// Returns the address of a host.
    pub fn address(&self, host: usize) -> SocketAddr {
        self.addresses[host]
    }

    /// Returns the URL of a path on the first host.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses[0])
    }

    /// Returns all requests so far, in the order of their arrival.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Returns the paths requested from a host, in the order of their arrival.
    pub fn paths(&self, host: usize) -> Vec<String> {
        let seen = self
            .seen()
            .into_iter()
            .filter(|seen| seen.request.host == host);
        seen.map(|seen| seen.request.path).collect()
    }

    /// Returns the maximum number of requests that were in progress at a time.
    pub fn most_at_a_time(&self) -> usize {
        lock(&self.shared.in_progress).1
    }

    /// Waits until `count` requests have arrived.
    ///
    /// # Panics
    /// Panics if they do not arrive within a minute.
    pub fn wait_for(&self, count: usize) {
        let seen = lock(&self.shared.seen);
        let minute = Duration::from_secs(60);
        let missing = |seen: &mut Vec<Seen>| seen.len() < count;
        let waited = self
            .shared
            .arrived
            .wait_timeout_while(seen, minute, missing);
        let (seen, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(
            seen.len() >= count,
            "the number of requests is below {count} after a minute"
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        for address in &self.addresses {
            // Wakes the listener, which then sees that the server has stopped.
            let _woken = TcpStream::connect(address);
        }
        for listener in self.listeners.drain(..) {
            let _panicked = listener.join();
        }
    }
}

fn count_in_progress(shared: &Shared) {
    let (now, most) = &mut *lock(&shared.in_progress);
    *now += 1;
    *most = (*most).max(*now);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(listener: &TcpListener, host: usize, shared: &Arc<Shared>) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in listener.incoming().enumerate() {
        if shared.stopped.load(Ordering::Acquire) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let key = ((host as u64) << 32) | number as u64;
        if let Ok(clone) = stream.try_clone() {
            lock(&shared.streams).insert(key, clone);
        }
        let shared = Arc::clone(shared);
        connections.retain(|connection| !connection.is_finished());
        connections.push(std::thread::spawn(move || {
            // A client that closes the connection is not an error.
            let _gone = serve(stream, host, &shared);
            lock(&shared.streams).remove(&key);
        }));
    }
    for stream in lock(&shared.streams).values() {
        let _gone = stream.shutdown(Shutdown::Both);
    }
    for connection in connections {
        let _panicked = connection.join();
    }
}

fn serve(stream: TcpStream, host: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while let Some(mut request) = read_request(&mut reader, host)? {
        let at = Instant::now();
        {
            let mut counts = lock(&shared.counts);
            let count = counts.entry((host, request.path.clone())).or_default();
            request.before = *count;
            *count += 1;
        }
        let request_seen = request.clone();
        lock(&shared.seen).push(Seen {
            request: request_seen,
            at,
        });
        shared.arrived.notify_all();
        count_in_progress(shared);
        let reply = (shared.handler)(&request);
        std::thread::sleep(reply.delay.saturating_sub(at.elapsed()));
        lock(&shared.in_progress).0 -= 1;
        if let Some(steps) = reply.steps {
            return perform(&mut stream, steps);
        }
        stream.write_all(&message(&reply, &request))?;
        let close = request.headers.get("connection");
        if close.is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            break;
        }
    }
    Ok(())
}

/// Returns the head and the body of an answer.
fn message(reply: &Reply, request: &Request) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} x\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
    let mut message = head.into_bytes();
    if request.method != "HEAD" {
        message.extend_from_slice(&reply.body);
    }
    message
}

fn perform(stream: &mut TcpStream, steps: Vec<Step>) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes)?,
            Step::Wait(time) => std::thread::sleep(time),
            Step::Drip(bytes, time) => loop {
                stream.write_all(&bytes)?;
                std::thread::sleep(time);
            },
            Step::Hang => {
                let _until_gone = stream.read(&mut [0; 64])?;
            }
            Step::Reset => socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?,
        }
    }
    Ok(())
}

fn read_request(reader: &mut BufReader<TcpStream>, host: usize) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, path) = (
        words.next().unwrap_or("").to_owned(),
        words.next().unwrap_or("/").to_owned(),
    );
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(Some(Request {
        host,
        method,
        path,
        headers,
        before: 0,
    }))
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({:?})", self.addresses)
    }
}
