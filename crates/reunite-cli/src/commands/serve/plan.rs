//! From the arguments to a plan: a site, listeners and limits.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_net::{Limits, Listener, Timeouts, Tls, TlsError};
use reunite_serve::{Account, Accounts, Gallery, Links, Settings, Site};

use super::args::{LinksArg, Serve};
use crate::complain::complain;

/// The settings of a server, checked and ready to start.
pub(super) struct ServePlan {
    pub(super) site: Site,
    pub(super) listeners: Vec<Listener>,
    pub(super) limits: Limits,
    pub(super) timeouts: Timeouts,
}

/// The reason why a server cannot start.
#[derive(Debug)]
pub(super) enum ServePlanError {
    /// The folder cannot be opened.
    Folder(PathBuf, io::Error),
    /// An account of `--auth` is malformed.
    Auth(String),
    /// The file of accounts cannot be read.
    ReadAccounts(PathBuf, io::Error),
    /// A line of the file of accounts is malformed.
    AccountLine {
        file: PathBuf,
        line: usize,
        why: String,
    },
    /// The file of accounts has none.
    NoAccounts(PathBuf),
    /// The certificate or its key cannot be used.
    Tls(TlsError),
    /// The address cannot be listened on.
    Listen(String, io::Error),
}

impl fmt::Display for ServePlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder, error) => {
                let folder = folder.display();
                write!(f, "cannot serve {folder}: {error}; name a folder to serve")
            }
            Self::Auth(why) => write!(f, "--auth: {why}"),
            Self::ReadAccounts(file, error) => {
                write!(f, "cannot read --accounts {}: {error}", file.display())
            }
            Self::AccountLine { file, line, why } => {
                write!(f, "{}, line {line}: {why}", file.display())
            }
            Self::NoAccounts(file) => write!(
                f,
                "{}: no account in this file; add a line NAME:PASSWORD",
                file.display()
            ),
            Self::Tls(error) => write!(f, "{error}"),
            Self::Listen(address, error) => write!(
                f,
                "cannot listen on {address}: {error}; use another address, such as \
                 --listen 127.0.0.1:8081"
            ),
        }
    }
}

impl std::error::Error for ServePlanError {}

/// Checks the arguments, opens the folder, and listens. Accepts no connection yet.
pub(super) fn plan(args: &Serve) -> Result<ServePlan, ServePlanError> {
    let folder = &args.folder;
    let site = Site::open(folder, settings(args)?)
        .map_err(|error| ServePlanError::Folder(folder.clone(), error))?;
    let tls = tls(args)?;
    let listeners = args
        .listen
        .iter()
        .map(|address| listen(address, tls.as_ref()));
    Ok(ServePlan {
        site,
        listeners: listeners.collect::<Result<_, _>>()?,
        limits: Limits {
            connections: args.limits.connections as usize,
            per_address: args
                .limits
                .per_address
                .map_or(usize::MAX, |limit| limit as usize),
        },
        timeouts: Timeouts {
            idle: args.limits.idle,
            header: args.limits.header,
            ..Timeouts::default()
        },
    })
}

fn settings(args: &Serve) -> Result<Settings, ServePlanError> {
    let (content, sending) = (&args.content, &args.sending);
    Ok(Settings {
        index: content.index.clone(),
        listing: !content.no_listing,
        hidden: content.hidden,
        links: match content.links {
            LinksArg::Never => Links::Never,
            LinksArg::Inside => Links::Inside,
            LinksArg::Anywhere => Links::Anywhere,
        },
        precompressed: !sending.no_compress,
        compress: !sending.no_compress,
        fallback: content.spa.clone(),
        max_age: sending.max_age,
        gallery: content.gallery.then(|| {
            let memory = content.memory.unwrap_or_else(half_of_free_memory);
            Gallery::new(memory, cores()).on_trouble(complain)
        }),
        accounts: accounts(args)?,
    })
}

fn accounts(args: &Serve) -> Result<Accounts, ServePlanError> {
    let mut accounts = Vec::new();
    for text in &args.limits.auth {
        accounts.push(Account::parse(text).map_err(ServePlanError::Auth)?);
    }
    if let Some(file) = &args.limits.accounts {
        let text = fs::read_to_string(file)
            .map_err(|error| ServePlanError::ReadAccounts(file.clone(), error))?;
        for (at, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                let account = Account::parse(line).map_err(|why| ServePlanError::AccountLine {
                    file: file.clone(),
                    line: at + 1,
                    why,
                });
                accounts.push(account?);
            }
        }
        // Without this check an empty file would let everyone in.
        if accounts.is_empty() {
            return Err(ServePlanError::NoAccounts(file.clone()));
        }
    }
    Ok(Accounts(accounts))
}

fn tls(args: &Serve) -> Result<Option<Tls>, ServePlanError> {
    let (Some(certificates), Some(key)) = (&args.tls.tls_cert, &args.tls.tls_key) else {
        return Ok(None);
    };
    let tls = Tls::open(certificates, key).map_err(ServePlanError::Tls)?;
    if fs::metadata(key).is_ok_and(|found| found.mode() & 0o004 != 0) {
        let key = key.display();
        complain(&format!(
            "every user of this machine can read the private key {key}; run `chmod o-r {key}`"
        ));
    }
    let tls = tls.protocols(&[reunite_serve::PROTOCOL]);
    Ok(Some(tls.answer_plain(reunite_serve::NOT_ENCRYPTED)))
}

fn listen(address: &str, tls: Option<&Tls>) -> Result<Listener, ServePlanError> {
    let over_network = |listener: Listener| match tls {
        Some(tls) => listener.secured(tls.clone()),
        None => listener,
    };
    let listener = match address.strip_prefix("unix:") {
        Some(path) => Listener::unix(path),
        None => match address.parse::<u16>() {
            Ok(port) => Listener::tcp(("127.0.0.1", port)).map(over_network),
            Err(_) => Listener::tcp(address).map(over_network),
        },
    };
    listener.map_err(|error| ServePlanError::Listen(address.to_owned(), error))
}
