//! From the arguments to a plan: a site, listeners and limits.

use std::fs;
use std::os::unix::fs::MetadataExt;

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_net::{Limits, Listener, Timeouts, Tls};
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

/// Checks the arguments, opens the folder, and listens. Accepts no connection yet.
pub(super) fn plan(args: &Serve) -> Result<ServePlan, String> {
    let folder = &args.folder;
    let site = Site::open(folder, settings(args)?).map_err(|error| {
        format!(
            "cannot serve {}: {error}; name a folder to serve",
            folder.display()
        )
    })?;
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

fn settings(args: &Serve) -> Result<Settings, String> {
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

fn accounts(args: &Serve) -> Result<Accounts, String> {
    let mut accounts = Vec::new();
    for text in &args.limits.auth {
        accounts.push(Account::parse(text).map_err(|error| format!("--auth: {error}"))?);
    }
    if let Some(path) = &args.limits.accounts {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        for (at, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                let account = Account::parse(line);
                accounts
                    .push(account.map_err(|error| format!("{name}, line {}: {error}", at + 1))?);
            }
        }
        // Without this check an empty file would let everyone in.
        if accounts.is_empty() {
            return Err(format!(
                "{name}: no account in this file; add a line NAME:PASSWORD"
            ));
        }
    }
    Ok(Accounts(accounts))
}

fn tls(args: &Serve) -> Result<Option<Tls>, String> {
    let (Some(certificates), Some(key)) = (&args.tls.tls_cert, &args.tls.tls_key) else {
        return Ok(None);
    };
    let tls = Tls::open(certificates, key).map_err(|error| error.to_string())?;
    if fs::metadata(key).is_ok_and(|found| found.mode() & 0o004 != 0) {
        let key = key.display();
        complain(&format!(
            "every user of this machine can read the private key {key}; run `chmod o-r {key}`"
        ));
    }
    let tls = tls.protocols(&[reunite_serve::PROTOCOL]);
    Ok(Some(tls.answer_plain(reunite_serve::NOT_ENCRYPTED)))
}

fn listen(address: &str, tls: Option<&Tls>) -> Result<Listener, String> {
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
    listener.map_err(|error| {
        format!("cannot listen on {address}: {error}; use another address, such as --listen 127.0.0.1:8081")
    })
}
