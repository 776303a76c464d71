//! A conversation with one service of a remote: messages out, packets in.

use std::time::Duration;

use bytes::Bytes;
use rhumb_core::chain::cut;

use super::packet::{Packet, Packets};
use super::{Service, WORDS_LIMIT, ssh, web};
use crate::git::address::Address;
use crate::git::error::Error;
use crate::git::remote::Remote;

/// Bytes to and from the server.
enum Link {
    Ssh(Box<ssh::Link>),
    Web(Box<web::Link>),
}

/// A conversation.
pub(super) struct Talk<'a> {
    remote: &'a Remote,
    link: Link,
    packets: Packets,
    n_bytes: usize,
    limit: usize,
}

/// A packet of text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without the line feed at its end.
    Text(String),
    /// The end of a section, a message or an answer.
    End(Packet),
}

impl<'a> Talk<'a> {
    /// Connects; the server's first message can be read then.
    pub(super) async fn open(remote: &'a Remote, service: Service) -> Result<Self, Error> {
        let link = match &remote.address {
            Address::Ssh { user, host, port, path } => {
                let place = ssh::Place { user, host, port: *port, path };
                Link::Ssh(Box::new(ssh::Link::open(remote, &place, service).await?))
            }
            Address::Web { base } => Link::Web(Box::new(web::Link::open(remote, base, service).await?)),
            Address::Local(_) => return Err(protocol(remote, "it is a path")),
        };
        Ok(Self { remote, link, packets: Packets::default(), n_bytes: 0, limit: super::REFERENCES_LIMIT })
    }

    /// Bounds all that comes from here on.
    pub(super) fn allow(&mut self, limit: usize) {
        self.n_bytes = 0;
        self.limit = limit;
    }

    /// Sends a message; its answer can be read then.
    pub(super) async fn send(&mut self, message: Vec<u8>) -> Result<(), Error> {
        match &mut self.link {
            Link::Ssh(link) => link.send(self.remote, message).await,
            Link::Web(link) => link.send(self.remote, message).await,
        }
    }

    /// The next packet, as it is.
    pub(super) async fn packet(&mut self) -> Result<Packet, Error> {
        loop {
            if let Some(packet) =
                self.packets.next().map_err(|_| protocol(self.remote, "what it sends are no packet lines"))?
            {
                return Ok(packet);
            }
            let chunk = match &mut self.link {
                Link::Ssh(link) => link.chunk(self.remote).await?,
                Link::Web(link) => link.chunk(self.remote).await?,
            };
            match chunk {
                Some(chunk) => self.take(&chunk)?,
                None => return Err(self.ended()),
            }
        }
    }

    /// The next packet as text. What the server refuses by `ERR` is an error.
    pub(super) async fn line(&mut self) -> Result<Line, Error> {
        let data = match self.packet().await? {
            Packet::Data(data) => data,
            end => return Ok(Line::End(end)),
        };
        let text = String::from_utf8_lossy(&data);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        match text.strip_prefix("ERR ") {
            Some(reason) => Err(self.refused(reason)),
            None => Ok(Line::Text(text.to_owned())),
        }
    }

    /// What the server says does not make sense.
    pub(super) fn nonsense(&self, what: &'static str) -> Error {
        protocol(self.remote, what)
    }

    /// The server says that it will not.
    pub(super) fn refused(&self, reason: &str) -> Error {
        Error::Refused { url: self.remote.url.clone(), reason: words(reason) }
    }

    fn take(&mut self, chunk: &Bytes) -> Result<(), Error> {
        self.n_bytes += chunk.len();
        if self.n_bytes > self.limit {
            let (path, limit) = (self.remote.url.clone(), self.limit);
            return Err(Error::TooLarge { path, limit, what: "bytes in one answer" });
        }
        self.packets.feed(chunk);
        Ok(())
    }

    /// The answer ended before it was whole. A server that refuses by SSH says so beside the answer.
    fn ended(&self) -> Error {
        let said = match &self.link {
            Link::Ssh(link) => link.said(),
            Link::Web(_) => String::new(),
        };
        if said.is_empty() { protocol(self.remote, "its answer ends too early") } else { self.refused(&said) }
    }
}

/// Waits for something of the server for as long as its patience goes.
pub(super) async fn patiently<T>(remote: &Remote, work: impl Future<Output = T>) -> Result<T, Error> {
    let patience: Duration = remote.access.patience();
    let late = |_| Error::Timeout { url: remote.url.clone(), seconds: patience.as_secs() };
    tokio::time::timeout(patience, work).await.map_err(late)
}

/// What a server says to people, in one line of bounded length without control characters.
pub(super) fn words(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&clean.split_whitespace().collect::<Vec<_>>().join(" "), WORDS_LIMIT)
}

fn protocol(remote: &Remote, what: &'static str) -> Error {
    Error::Protocol { url: remote.url.clone(), what }
}
