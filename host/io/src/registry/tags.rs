//! Listing tags, page by page.

use std::collections::HashSet;

use reqwest::header::{HeaderMap, LINK};
use reqwest::{Method, Url};
use rhumb_core::id::Tag;
use serde::Deserialize;

use super::client::{Answer, Ask, Client};
use super::endpoint::Endpoint;
use super::error::{Error, Kind, malformed};
use super::{PAGE_BYTES_LIMIT, PAGE_SIZE, PAGES_LIMIT, TAGS_LIMIT};
use crate::web;

/// The tags of one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList {
    /// In the registry's order, each once. Names that break the specification's grammar are left out.
    pub names: Vec<Tag>,
    /// Whether this is all: false when a bound was reached or the registry's paging made no sense.
    pub complete: bool,
}

#[derive(Deserialize)]
struct Page {
    // Registries answer null for a repository whose last tag was deleted.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Client {
    /// The tags of a canonical repository such as `index.docker.io/library/redis`.
    pub async fn tags(&self, repository: &str) -> Result<TagList, Error> {
        let attempt = "list the tags";
        let endpoint = self.endpoint(repository, attempt)?;
        self.pages(&endpoint).await.map_err(|kind| Error {
            attempt,
            host: endpoint.host.clone(),
            repository: repository.to_owned(),
            kind,
        })
    }

    async fn pages(&self, endpoint: &Endpoint) -> Result<TagList, Kind> {
        let mut url = endpoint.url(&format!("tags/list?n={PAGE_SIZE}"))?;
        let mut names: Vec<Tag> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        for _ in 0..PAGES_LIMIT {
            let ask = Ask { method: Method::GET, url, accept: "application/json", limit: PAGE_BYTES_LIMIT };
            let answer = self.ask(endpoint, ask).await?;
            let page: Page = serde_json::from_slice(&answer.body).map_err(|_| malformed("the tags are not JSON"))?;
            let tags = page.tags.unwrap_or_default();
            let n_before = seen.len();
            let n_on_page = tags.len();
            let last = tags.last().cloned();
            for tag in tags {
                if is_tag(&tag) && seen.insert(tag.clone()) {
                    names.push(Tag::new(tag));
                }
            }
            if names.len() > TAGS_LIMIT {
                names.truncate(TAGS_LIMIT);
                return Ok(TagList { names, complete: false });
            }
            let brought_something = seen.len() > n_before;
            url = match next(&answer, endpoint, n_on_page, last)? {
                Next::End => return Ok(TagList { names, complete: true }),
                // A registry that ignores `last` sends its whole list again: there was nothing more.
                Next::Guess(_) if !brought_something => return Ok(TagList { names, complete: true }),
                // A link that leads back, or in circles.
                Next::Link(_) if !brought_something => return Ok(TagList { names, complete: false }),
                Next::Foreign => return Ok(TagList { names, complete: false }),
                Next::Link(url) | Next::Guess(url) => url,
            };
        }
        Ok(TagList { names, complete: false })
    }
}

enum Next {
    End,
    Link(Url),
    /// A link to another host, which is not followed.
    Foreign,
    /// No link, but the page was full: some registries page without saying so.
    Guess(Url),
}

fn next(answer: &Answer, endpoint: &Endpoint, n_on_page: usize, last: Option<String>) -> Result<Next, Kind> {
    if let Some(target) = link(&answer.headers) {
        let Ok(url) = answer.url.join(&target) else { return Ok(Next::Foreign) };
        let same = web::origin(&url) == web::origin(&answer.url);
        return Ok(if same { Next::Link(url) } else { Next::Foreign });
    }
    match last {
        Some(last) if n_on_page == PAGE_SIZE && is_tag(&last) => {
            Ok(Next::Guess(endpoint.url(&format!("tags/list?n={PAGE_SIZE}&last={last}"))?))
        }
        _ => Ok(Next::End),
    }
}

/// The target of `rel="next"` (RFC 8288).
fn link(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(", <")).find_map(|one| {
        let (target, parameters) = one.trim_start().trim_start_matches('<').split_once('>')?;
        let rel = parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
        });
        (rel == Some("next")).then(|| target.to_owned())
    })
}

/// The grammar of the distribution specification. A line feed in a name would also break the columns of `judge::Tags`.
fn is_tag(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= 128 && name.chars().next().is_some_and(word) && name.chars().all(|c| word(c) || c == '.' || c == '-')
}
