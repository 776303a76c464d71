//! One branch moved from one commit to another.

use git2::Oid;

use super::packet::{Message, Packet, Packets};
use super::refs::{Greeting, greeting, tips};
use super::talk::{Talk, words};
use super::{AGENT, Pushed, Service, WORDS_LIMIT};
use crate::git::error::Error;
use crate::git::remote::{Remote, Wanted};

pub(super) async fn push(
    remote: &Remote,
    reference: &str,
    old: Oid,
    make: impl FnOnce() -> Result<(Oid, Vec<u8>), Error>,
) -> Result<Pushed, Error> {
    let names = [reference.to_owned()];
    let wanted = Wanted::Named(&names);
    // Who may only read is refused here: by words beside an answer that never comes, or by a status.
    let begun = async {
        let mut talk = Talk::open(remote, Service::ReceivePack).await?;
        let greeting = greeting(&mut talk, &wanted).await?;
        Ok((talk, greeting))
    };
    let (mut talk, greeting) = match begun.await {
        Ok(begun) => begun,
        Err(Error::Refused { reason, .. }) => {
            return Ok(Pushed::Rejected(format!("{reason}; {}", remote.write_hint())));
        }
        Err(Error::Denied { reason, hint, .. }) => return Ok(Pushed::Rejected(format!("{reason}; {hint}"))),
        Err(error) => return Err(error),
    };
    let Greeting::Zero(_, found) = &greeting else { return Err(talk.nonsense("it takes no push")) };
    match found.first() {
        Some(tip) if tip.target == old => {}
        Some(tip) => {
            goodbye(&mut talk, remote).await?;
            return Ok(Pushed::Stale(tip.target));
        }
        None => return Err(no_branch(remote, reference)),
    }
    let (new, pack) = make()?;
    let banded = greeting.can("side-band-64k");
    let bands = if banded { " side-band-64k" } else { "" };
    let command = format!("{old} {new} {reference}\0 report-status{bands} {AGENT}");
    talk.send(Message::default().text(&command).flush().raw(&pack).bytes()).await?;
    let report = if banded { banded_report(&mut talk).await? } else { plain_report(&mut talk).await? };
    match report.refusal(reference) {
        None => Ok(Pushed::Moved(new)),
        Some(reason) => rejected_or_stale(remote, reference, old, reason).await,
    }
}

/// What the server says of a push.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    /// What a hook said to people.
    said: String,
}

impl Report {
    /// Why the branch was not moved; `None` when it was.
    fn refusal(&self, reference: &str) -> Option<String> {
        if self.lines.iter().any(|line| line.strip_prefix("ok ") == Some(reference)) {
            return None;
        }
        let refused = self.lines.iter().find_map(|line| line.strip_prefix("ng ")?.strip_prefix(reference));
        let unpacked = self.lines.iter().find_map(|line| line.strip_prefix("unpack ")).filter(|text| *text != "ok");
        let reason = refused.or(unpacked).unwrap_or("it does not say that it took it").trim();
        let said = words(&self.said);
        Some(if said.is_empty() { words(reason) } else { format!("{} ({said})", words(reason)) })
    }
}

async fn banded_report(talk: &mut Talk<'_>) -> Result<Report, Error> {
    let (mut report, mut packets) = (Report::default(), Packets::default());
    while let Packet::Data(data) = talk.packet().await? {
        match data.split_first() {
            Some((1, bytes)) => {
                packets.feed(bytes);
                while let Some(packet) =
                    packets.next().map_err(|_| talk.nonsense("its report on a push cannot be read"))?
                {
                    match packet {
                        Packet::Data(line) => report.lines.push(text(&line)),
                        // The end of the report; some servers say no more than that.
                        _ => return Ok(report),
                    }
                }
            }
            Some((2, said)) if report.said.len() < WORDS_LIMIT => report.said.push_str(&String::from_utf8_lossy(said)),
            Some((3, reason)) => return Err(talk.refused(&String::from_utf8_lossy(reason))),
            _ => {}
        }
    }
    Ok(report)
}

async fn plain_report(talk: &mut Talk<'_>) -> Result<Report, Error> {
    let mut report = Report::default();
    while let Packet::Data(line) = talk.packet().await? {
        report.lines.push(text(&line));
    }
    Ok(report)
}

/// Servers have many words for a lost race, so the branch itself is looked at.
async fn rejected_or_stale(remote: &Remote, reference: &str, old: Oid, reason: String) -> Result<Pushed, Error> {
    let names = [reference.to_owned()];
    let wanted = Wanted::Named(&names);
    let mut talk = Talk::open(remote, Service::UploadPack).await?;
    let greeting = greeting(&mut talk, &wanted).await?;
    let tips = tips(&mut talk, greeting, &wanted).await?;
    goodbye(&mut talk, remote).await?;
    match tips.first() {
        Some(tip) if tip.target != old => Ok(Pushed::Stale(tip.target)),
        Some(_) => Ok(Pushed::Rejected(reason)),
        None => Err(no_branch(remote, reference)),
    }
}

async fn goodbye(talk: &mut Talk<'_>, remote: &Remote) -> Result<(), Error> {
    if remote.is_web() { Ok(()) } else { talk.send(Message::default().flush().bytes()).await }
}

fn no_branch(remote: &Remote, reference: &str) -> Error {
    let branch = reference.trim_start_matches("refs/heads/").to_owned();
    Error::NoBranch { url: remote.url.clone(), branch }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(lines: &[&str], said: &str) -> Option<String> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Report { lines, said: said.to_owned() }.refusal("refs/heads/main")
    }

    #[test]
    fn a_push_counts_only_when_the_server_says_so() {
        assert_eq!(refusal(&["unpack ok", "ok refs/heads/main"], ""), None);
        assert_eq!(refusal(&["unpack ok"], "").unwrap(), "it does not say that it took it");
        assert_eq!(refusal(&["unpack ok", "ok refs/heads/main2"], "").unwrap(), "it does not say that it took it");
        assert_eq!(refusal(&["unpack index-pack abnormal exit"], "").unwrap(), "index-pack abnormal exit");
        let declined = refusal(&["unpack ok", "ng refs/heads/main pre-receive hook declined"], "no\x1b[1m way\n");
        assert_eq!(declined.unwrap(), "pre-receive hook declined (no [1m way)");
    }
}
