//! One service of a web server that speaks git's smart protocol.

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::{RequestBuilder, Response, StatusCode, Url};

use super::Service;
use super::talk::patiently;
use crate::git::address::masked;
use crate::git::error::Error;
use crate::git::remote::Remote;
use crate::web::{REDIRECTS_LIMIT, basic, is_loopback};

const PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// A conversation by requests and answers.
pub(super) struct Link {
    client: reqwest::Client,
    /// Of the repository, after redirects.
    base: String,
    service: Service,
    authorization: Option<HeaderValue>,
    answer: Option<Response>,
}

impl Link {
    /// Asks for the service; its first message is the answer.
    pub(super) async fn open(remote: &Remote, base: &Url, service: Service) -> Result<Self, Error> {
        let access = &remote.access;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(access.tls().clone())
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("git/rhumb-", env!("CARGO_PKG_VERSION")))
            .connect_timeout(access.patience())
            .read_timeout(access.patience());
        let loopback = base.host_str().is_some_and(is_loopback);
        let builder = if loopback { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| Error::Tls(Box::new(error)))?;
        let authorization = access.login().and_then(|login| basic(&login.user, &login.password));
        let base = base.as_str().trim_end_matches('/').to_owned();
        let mut link = Self { client, base, service, authorization, answer: None };
        link.discover(remote).await?;
        Ok(link)
    }

    /// Sends a message; the answer is the server's.
    pub(super) async fn send(&mut self, remote: &Remote, message: Vec<u8>) -> Result<(), Error> {
        // Read to its end, an answer leaves its connection to the next request.
        self.chunk(remote).await?;
        let service = self.service.name();
        let kind = |what| HeaderValue::from_str(&format!("application/x-{service}-{what}")).ok();
        let mut request = self.client.post(format!("{}/{service}", self.base)).body(message);
        request = kind("request").into_iter().fold(request, |request, kind| request.header(CONTENT_TYPE, kind));
        request = kind("result").into_iter().fold(request, |request, kind| request.header(ACCEPT, kind));
        // The body may be large: the whole operation bounds it.
        let answer = self.dressed(request).send().await.map_err(|error| unreachable(remote, error))?;
        let answer = self.judged(remote, answer)?;
        self.answer = Some(self.expected(remote, answer, "result")?);
        Ok(())
    }

    pub(super) async fn chunk(&mut self, remote: &Remote) -> Result<Option<Bytes>, Error> {
        let Some(answer) = &mut self.answer else { return Ok(None) };
        patiently(remote, answer.chunk()).await?.map_err(|error| unreachable(remote, error))
    }

    /// Follows redirects at the same host, as git does for the first request only.
    async fn discover(&mut self, remote: &Remote) -> Result<(), Error> {
        let query = format!("/info/refs?service={}", self.service.name());
        for _ in 0..=REDIRECTS_LIMIT {
            let request = self.dressed(self.client.get(format!("{}{query}", self.base)));
            let answer = patiently(remote, request.send()).await?.map_err(|error| unreachable(remote, error))?;
            if !answer.status().is_redirection() {
                let answer = self.judged(remote, answer)?;
                self.answer = Some(self.expected(remote, answer, "advertisement")?);
                return Ok(());
            }
            let target = answer.headers().get(LOCATION).and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| answer.url().join(target).ok());
            let target = target.ok_or_else(|| refused(remote, "it redirects to nowhere"))?;
            if crate::web::origin(&target) != crate::web::origin(answer.url()) {
                let to = masked(target.as_str());
                let to = to.split('?').next().unwrap_or_default();
                return Err(refused(
                    remote,
                    &format!("it redirects to another host, `{to}`; give that URL if it is right"),
                ));
            }
            let base = target.as_str().strip_suffix(&query);
            self.base = base.ok_or_else(|| refused(remote, "it redirects to what is no repository"))?.to_owned();
        }
        Err(refused(remote, "it redirects too often"))
    }

    fn dressed(&self, request: RequestBuilder) -> RequestBuilder {
        let request = match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization.clone()),
            None => request,
        };
        match self.service {
            Service::UploadPack => request.header(PROTOCOL, "version=2"),
            Service::ReceivePack => request,
        }
    }

    fn judged(&self, remote: &Remote, answer: Response) -> Result<Response, Error> {
        let denied = |reason: &str, hint: &str| {
            Err(Error::Denied { url: remote.url.clone(), reason: reason.to_owned(), hint: hint.to_owned() })
        };
        match (answer.status(), self.service, &self.authorization) {
            (StatusCode::OK, ..) => Ok(answer),
            (StatusCode::UNAUTHORIZED, _, None) => denied("it asks for a token", "give one"),
            (StatusCode::UNAUTHORIZED, ..) => {
                denied("it does not take our token", "look whether it is right and valid")
            }
            (StatusCode::FORBIDDEN, Service::ReceivePack, _) => {
                denied("it answers 403 to a push", "give the token write access")
            }
            (StatusCode::FORBIDDEN, ..) => denied("it answers 403", "give the token access to the repository"),
            (StatusCode::NOT_FOUND, ..) => {
                Err(refused(remote, "there is no such repository, or our token may not see it"))
            }
            (status, ..) => Err(refused(remote, &format!("it answers {status}"))),
        }
    }

    /// An answer of git, and not the page of something else.
    fn expected(&self, remote: &Remote, answer: Response, what: &str) -> Result<Response, Error> {
        let wanted = format!("application/x-{}-{what}", self.service.name());
        let found = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if found == wanted {
            return Ok(answer);
        }
        Err(Error::Protocol { url: remote.url.clone(), what: "it answers with something else, a page perhaps" })
    }
}

fn refused(remote: &Remote, reason: &str) -> Error {
    Error::Refused { url: remote.url.clone(), reason: reason.to_owned() }
}

fn unreachable(remote: &Remote, error: reqwest::Error) -> Error {
    let seconds = remote.access.patience().as_secs();
    if error.is_timeout() {
        return Error::Timeout { url: remote.url.clone(), seconds };
    }
    Error::Unreachable { url: remote.url.clone(), source: Box::new(error.without_url()) }
}
