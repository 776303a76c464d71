//! The references that a server has.

use git2::Oid;

use super::AGENT;
use super::packet::Message;
use super::talk::{Line, Talk};
use crate::git::error::Error;
use crate::git::remote::{Tip, Wanted};

/// What a server says first.
#[derive(Debug)]
pub(super) enum Greeting {
    /// What it is able to do; references are asked for.
    Two(Vec<String>),
    /// What it is able to do, and those of its references that are wanted.
    Zero(Vec<String>, Vec<Tip>),
}

impl Greeting {
    /// What the server is able to do.
    pub(super) fn abilities(&self) -> &[String] {
        match self {
            Self::Two(abilities) | Self::Zero(abilities, _) => abilities,
        }
    }

    /// Whether the server is able to do this.
    pub(super) fn can(&self, ability: &str) -> bool {
        self.abilities().iter().any(|found| found == ability)
    }
}

/// Reads the server's first message.
pub(super) async fn greeting(talk: &mut Talk<'_>, wanted: &Wanted<'_>) -> Result<Greeting, Error> {
    let mut first = talk.line().await?;
    // Over HTTP the service is named first, in a message of its own.
    if matches!(&first, Line::Text(text) if text.starts_with("# service=")) {
        while !matches!(talk.line().await?, Line::End(_)) {}
        first = talk.line().await?;
    }
    let greeting = match first {
        Line::Text(text) if text == "version 2" => Greeting::Two(texts(talk).await?),
        Line::Text(text) if text == "version 1" => {
            let first = talk.line().await?;
            version_zero(talk, first, wanted).await?
        }
        first => version_zero(talk, first, wanted).await?,
    };
    let sha256 = |ability: &String| ability.starts_with("object-format=") && ability != "object-format=sha1";
    if greeting.abilities().iter().any(sha256) {
        return Err(talk.refused("its repository is one of SHA-256, which is not spoken"));
    }
    Ok(greeting)
}

/// The references that are wanted.
pub(super) async fn tips(talk: &mut Talk<'_>, greeting: Greeting, wanted: &Wanted<'_>) -> Result<Vec<Tip>, Error> {
    if let Greeting::Zero(_, tips) = greeting {
        return Ok(tips);
    }
    let mut message = Message::default().line("command=ls-refs").line(AGENT).delimiter();
    for prefix in wanted.prefixes() {
        message = message.line(&format!("ref-prefix {prefix}"));
    }
    talk.send(message.flush().bytes()).await?;
    let mut tips = Vec::new();
    for text in texts(talk).await? {
        let tip = tip(&text).ok_or_else(|| talk.nonsense("a line of its references cannot be read"))?;
        if wanted.has(&tip.name) {
            tips.push(tip);
        }
    }
    Ok(tips)
}

async fn version_zero(talk: &mut Talk<'_>, first: Line, wanted: &Wanted<'_>) -> Result<Greeting, Error> {
    let (mut abilities, mut tips) = (Vec::new(), Vec::new());
    let mut line = first;
    while let Line::Text(text) = line {
        let (text, said) = text.split_once('\0').unwrap_or((&text, ""));
        abilities.extend(said.split_ascii_whitespace().map(str::to_owned));
        // An empty repository names `capabilities^{}`, a shallow one its limits.
        if !text.starts_with("shallow ") {
            let tip = tip(text).ok_or_else(|| talk.nonsense("a line of its references cannot be read"))?;
            if wanted.has(&tip.name) {
                tips.push(tip);
            }
        }
        line = talk.line().await?;
    }
    Ok(Greeting::Zero(abilities, tips))
}

/// All lines up to the end of the message.
async fn texts(talk: &mut Talk<'_>) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    while let Line::Text(text) = talk.line().await? {
        texts.push(text);
    }
    Ok(texts)
}

/// `<40 digits> <name>`, and attributes that were not asked for.
fn tip(text: &str) -> Option<Tip> {
    let mut fields = text.split(' ');
    let (id, name) = (fields.next()?, fields.next()?);
    let target = Oid::from_str(id).ok().filter(|_| id.len() == 40)?;
    Some(Tip { name: name.to_owned(), target })
}
