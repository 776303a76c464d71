//! References, and a pack of what we lack.

use std::io::Write;

use git2::{Odb, OdbPackwriter, Oid, Repository, Sort};

use super::packet::{Message, Packet};
use super::refs::{Greeting, greeting, tips};
use super::talk::{Line, Talk, words};
use super::{AGENT, PACK_LIMIT, Service};
use crate::git::FILE_SIZE_LIMIT;
use crate::git::error::{Error, failed};
use crate::git::local::heads;
use crate::git::remote::{Remote, Tip, Wanted};

/// Most commits that we say we have.
const HAVES_LIMIT: usize = 256;

pub(super) async fn fetch(remote: &Remote, ours: &Repository, wanted: &Wanted<'_>) -> Result<Vec<Tip>, Error> {
    let mut talk = Talk::open(remote, Service::UploadPack).await?;
    let greeting = greeting(&mut talk, wanted).await?;
    let dialect = Dialect::of(&greeting);
    let tips = tips(&mut talk, greeting, wanted).await?;
    let odb = ours.odb().map_err(failed("open the mirror of", &remote.url))?;
    let mut lacking: Vec<Oid> = tips.iter().map(|tip| tip.target).filter(|id| !odb.exists(*id)).collect();
    lacking.sort();
    lacking.dedup();
    if lacking.is_empty() {
        // Says goodbye, so that the server does not complain of a connection that broke.
        if !remote.is_web() {
            talk.send(Message::default().flush().bytes()).await?;
        }
        return Ok(tips);
    }
    let have = have(ours).map_err(failed("read the mirror of", &remote.url))?;
    talk.allow(PACK_LIMIT);
    talk.send(dialect.request(&lacking, &have)).await?;
    dialect.seek_pack(&mut talk).await?;
    receive(&mut talk, remote, &odb).await?;
    match lacking.iter().find(|id| !odb.refresh().is_ok_and(|()| odb.exists(**id))) {
        Some(_) => Err(talk.nonsense("its pack lacks what was asked for")),
        None => Ok(tips),
    }
}

/// How to ask for a pack.
enum Dialect {
    Two { filter: bool },
    Zero { filter: bool },
}

impl Dialect {
    fn of(greeting: &Greeting) -> Self {
        match greeting {
            Greeting::Two(abilities) => {
                let fetch = abilities.iter().find_map(|ability| ability.strip_prefix("fetch="));
                Self::Two {
                    filter: fetch.is_some_and(|features| features.split(' ').any(|feature| feature == "filter")),
                }
            }
            Greeting::Zero(..) => Self::Zero { filter: greeting.can("filter") },
        }
    }

    /// All at once: what we lack, what we have, and that this was all.
    fn request(&self, lacking: &[Oid], have: &[Oid]) -> Vec<u8> {
        // What is larger than any file that is read need not come, where the server lets us say so.
        let filter = format!("filter blob:limit={}", FILE_SIZE_LIMIT + 1);
        let mut message = Message::default();
        match self {
            Self::Two { filter: filters } => {
                message = message.line("command=fetch").line(AGENT).delimiter().line("ofs-delta");
                if *filters {
                    message = message.line(&filter);
                }
                message = lacking.iter().fold(message, |message, id| message.line(&format!("want {id}")));
                message = have.iter().fold(message, |message, id| message.line(&format!("have {id}")));
                message.line("done").flush().bytes()
            }
            Self::Zero { filter: filters } => {
                let abilities = if *filters { " filter" } else { "" };
                let mut abilities = format!(" side-band-64k ofs-delta{abilities} {AGENT}");
                for id in lacking {
                    // They stand on the first line only.
                    message = message.line(&format!("want {id}{}", std::mem::take(&mut abilities)));
                }
                if *filters {
                    message = message.line(&filter);
                }
                message = message.flush();
                message = have.iter().fold(message, |message, id| message.line(&format!("have {id}")));
                message.line("done").bytes()
            }
        }
    }

    /// Reads up to where the pack begins.
    async fn seek_pack(&self, talk: &mut Talk<'_>) -> Result<(), Error> {
        loop {
            match (self, talk.line().await?) {
                (Self::Two { .. }, Line::Text(text)) if text == "packfile" => return Ok(()),
                (Self::Two { .. }, Line::Text(_) | Line::End(Packet::Delimiter)) => {}
                (Self::Zero { .. }, Line::Text(text)) if text == "NAK" || text.starts_with("ACK ") => return Ok(()),
                (Self::Zero { .. }, Line::Text(text)) if text.starts_with("shallow ") => {}
                _ => return Err(talk.nonsense("no pack comes")),
            }
        }
    }
}

/// Writes the pack to disk as it comes; it counts once it is whole and was checked.
async fn receive(talk: &mut Talk<'_>, remote: &Remote, odb: &Odb<'_>) -> Result<(), Error> {
    let mut writer: OdbPackwriter<'_> = odb.packwriter().map_err(failed("write the pack of", &remote.url))?;
    loop {
        let data = match talk.packet().await? {
            Packet::Data(data) => data,
            _ => break,
        };
        match data.split_first() {
            Some((1, pack)) => writer.write_all(pack).map_err(|error| {
                // libgit2 gives its reason, such as a pack that is broken, as the text of an I/O error.
                failed("write the pack of", &remote.url)(git2::Error::from_str(&error.to_string()))
            })?,
            Some((2, said)) => {
                tracing::trace!(url = remote.url, said = words(&String::from_utf8_lossy(said)), "the server said");
            }
            Some((3, reason)) => return Err(talk.refused(&String::from_utf8_lossy(reason))),
            _ => return Err(talk.nonsense("a packet belongs to no band")),
        }
    }
    writer.commit().map(drop).map_err(failed("take in the pack of", &remote.url))
}

/// The newest commits that we have, by which the server finds out what we lack.
fn have(ours: &Repository) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = ours.revwalk()?;
    walk.set_sorting(Sort::TIME)?;
    for head in heads(ours) {
        walk.push(head)?;
    }
    walk.take(HAVES_LIMIT).collect()
}
