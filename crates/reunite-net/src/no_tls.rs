//! Replaces `tls` in builds without the feature: types without values, so that no socket has a session.

use std::io;

use crate::handshake::HandshakeStep;
use crate::raw::Raw;

pub(crate) use self::{NoSession as Session, NoTls as Tls};

#[derive(Debug)]
pub(crate) enum NoTls {}

pub(crate) enum NoSession {}

impl NoTls {
    pub(crate) fn session(&self) -> io::Result<NoSession> {
        match *self {}
    }
}

impl NoSession {
    pub(crate) fn plain_answer(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) fn handshake(&self, _: Raw<'_>) -> io::Result<HandshakeStep> {
        match *self {}
    }

    pub(crate) fn receive(&self, _: Raw<'_>, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn is_ready(&self, _: Raw<'_>) -> bool {
        match *self {}
    }

    pub(crate) fn send(&self, _: Raw<'_>, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn flush(&self, _: Raw<'_>) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn queue_close(&self) {
        match *self {}
    }
}
