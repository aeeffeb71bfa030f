//! A served folder, and the loop that answers the requests of a connection.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use reunite_net::{Connection, Outcome, Server, ServerBuilder};

use crate::answer::{Answer, send};
use crate::coding::Coder;
use crate::gallery::Thumbs;
use crate::log::Entry;
use crate::request::{NextRequest, Reader, Request};
use crate::respond::respond;
use crate::root_dir::RootDir;
use crate::settings::Settings;
use crate::shared::Shared;

type Log = Arc<dyn Fn(&Entry<'_>) + Send + Sync>;

/// A folder to be served.
#[derive(Clone)]
pub struct Site {
    shared: Arc<Shared>,
    log: Option<Log>,
}

impl Site {
    /// Opens `folder` as a site.
    ///
    /// # Errors
    /// Returns an error if `folder` is not a directory or not readable.
    pub fn open(folder: impl AsRef<Path>, settings: Settings) -> io::Result<Self> {
        let root = RootDir::open(folder.as_ref(), settings.links)?;
        let shared = Shared {
            root,
            thumbs: settings.gallery.as_ref().map(Thumbs::new),
            settings,
            coder: Coder::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            log: None,
        })
    }

    /// Calls `log` after every answer, on the connection's thread.
    #[must_use]
    pub fn log(mut self, log: impl Fn(&Entry<'_>) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(log));
        self
    }

    /// Returns a builder for a server that answers refused clients with a 503.
    pub fn builder(&self) -> ServerBuilder {
        Server::builder().refuse_with(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )
    }

    /// Returns the handler for [`ServerBuilder::start`].
    pub fn handler(&self) -> impl Fn(Connection) -> Outcome + Send + Sync + use<> {
        let site = self.clone();
        move |client| site.serve(client)
    }

    fn serve(&self, client: Connection) -> Outcome {
        let mut reader = Reader::new(client);
        let mut out = Vec::new();
        loop {
            let (request, answer) = match reader.next() {
                Ok(NextRequest::Request(request)) => {
                    let answer = respond(&self.shared, &request);
                    (Some(request), answer)
                }
                Ok(NextRequest::Refused(refused)) => {
                    (refused.request, Answer::error(refused.status))
                }
                Ok(NextRequest::End) => break,
                // The client was too slow or closed the connection, so no answer would reach it.
                Err(_) => return Ok(()),
            };
            let last = !reader.can_continue() || reader.client().is_draining();
            let sent = send(reader.client(), &mut out, request.as_ref(), &answer, last)?;
            self.log_answer(&reader, request.as_ref(), &answer, sent);
            if last {
                break;
            }
        }
        reader.close();
        Ok(())
    }

    fn log_answer(&self, reader: &Reader, request: Option<&Request>, answer: &Answer, bytes: u64) {
        if let Some(log) = &self.log {
            log(&Entry {
                peer: reader.peer(),
                user: request.and_then(|request| self.shared.settings.accounts.user(request)),
                at: SystemTime::now(),
                line: reader.line(),
                status: answer.status.as_u16(),
                bytes,
                time: Instant::now().saturating_duration_since(reader.begun()),
                referer: request.and_then(|request| request.fields.text("referer")),
                agent: request.and_then(|request| request.fields.text("user-agent")),
            });
        }
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}
