//! Whether a request comes from somebody who knows the secret, and whether it tells of anything.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::Value;

/// Headers with the HMAC-SHA256 of the body in hexadecimal digits: GitHub and Forgejo; Bitbucket; Gitea, Forgejo, Gogs.
const SIGNATURES: [&str; 5] =
    ["x-hub-signature-256", "x-hub-signature", "x-gitea-signature", "x-forgejo-signature", "x-gogs-signature"];
/// GitLab's header with the secret itself.
const TOKEN: &str = "x-gitlab-token";

/// What a request says to prove who it is from; some senders say several things.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    signatures: Vec<Vec<u8>>,
    tokens: Vec<Vec<u8>>,
}

impl Credentials {
    /// Reads the headers, and the `token` of the URL for senders that can set no header.
    pub(super) fn of(headers: &HeaderMap, in_url: Option<&str>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let signature = |value: &str| hex::decode(value.strip_prefix("sha256=").unwrap_or(value)).ok();
        let mut tokens: Vec<Vec<u8>> = text(TOKEN).into_iter().chain(in_url).map(|token| token.into()).collect();
        if let Some(value) = text(AUTHORIZATION.as_str()) {
            tokens.push(value.into());
            tokens.extend(value.strip_prefix("Bearer ").map(|token| token.into()));
            // Whatever the user is called.
            let basic = value.strip_prefix("Basic ").and_then(|basic| STANDARD.decode(basic).ok());
            tokens.extend(basic.and_then(|basic| {
                let colon = basic.iter().position(|byte| *byte == b':')?;
                basic.get(colon + 1..).map(<[u8]>::to_vec)
            }));
        }
        Self { signatures: SIGNATURES.into_iter().filter_map(text).filter_map(signature).collect(), tokens }
    }

    /// Whether there is anything to check.
    pub(super) fn is_empty(&self) -> bool {
        self.signatures.is_empty() && self.tokens.is_empty()
    }

    /// Whether one of them proves that the sender of this body knows the secret. Takes the same time for every guess.
    pub(super) fn prove(&self, secret: &[u8], body: &[u8]) -> bool {
        // An empty secret is known to everybody.
        if secret.is_empty() {
            return false;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signed = self.signatures.iter().any(|signature| hmac::verify(&key, body, signature).is_ok());
        let same = hmac::sign(&key, secret);
        signed || self.tokens.iter().any(|token| hmac::verify(&key, token, same.as_ref()).is_ok())
    }
}

/// Whether a registry may have a new image. Docker's registry tells of pulls as well, also of our own.
pub(super) fn tells_of_an_image(body: &[u8]) -> bool {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let Some(events) = told.as_ref().and_then(|told| told.get("events")).and_then(Value::as_array) else { return true };
    let action = |event: &Value| event.get("action").and_then(Value::as_str).unwrap_or("push").to_owned();
    events.iter().any(|event| !matches!(action(event).as_str(), "pull" | "mount"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"ref":"refs/heads/main"}"#;
    /// `printf %s "$body" | openssl dgst -sha256 -hmac 'It is a secret'`
    const SIGNED: &str = "a17045aa5bbab56d83886ff6e069baeae9a2fc5dd6b87676973ba03d687a7de3";

    fn is_known(name: &str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        Credentials::of(&headers, None).prove(b"It is a secret", BODY)
    }

    #[test]
    fn each_sender_is_believed_in_its_own_way() {
        for (name, value) in [
            ("x-hub-signature-256", format!("sha256={SIGNED}")),
            ("x-hub-signature", format!("sha256={SIGNED}")),
            ("x-gitea-signature", SIGNED.to_owned()),
            ("x-forgejo-signature", SIGNED.to_owned()),
            ("x-gitlab-token", "It is a secret".to_owned()),
            ("authorization", "Bearer It is a secret".to_owned()),
            ("authorization", "It is a secret".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode("anybody:It is a secret"))),
        ] {
            assert!(is_known(name, &value), "{name}: {value}");
        }
        assert!(Credentials::of(&HeaderMap::new(), Some("It is a secret")).prove(b"It is a secret", BODY));
    }

    #[test]
    fn nobody_else_is_believed() {
        let other = SIGNED.replace('f', "e");
        for (name, value) in [
            ("x-hub-signature-256", format!("sha256={other}")),
            ("x-hub-signature-256", format!("sha1={SIGNED}")),
            ("x-hub-signature-256", "sha256=".to_owned()),
            ("x-gitea-signature", "not hexadecimal".to_owned()),
            ("x-gitlab-token", "It is a secre".to_owned()),
            ("x-gitlab-token", String::new()),
            ("x-gitlab-token", SIGNED.to_owned()),
            ("authorization", "Bearer".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode("It is a secret"))),
        ] {
            assert!(!is_known(name, &value), "{name}: {value}");
        }
        assert!(!Credentials::of(&HeaderMap::new(), Some("")).prove(b"", BODY));
        assert!(Credentials::of(&HeaderMap::new(), None).is_empty());
    }

    #[test]
    fn a_pull_is_no_news() {
        for (body, expected) in [
            (r#"{"events": [{"action": "pull"}]}"#, false),
            (r#"{"events": [{"action": "pull"}, {"action": "push"}]}"#, true),
            (r#"{"events": [{"action": "delete"}]}"#, true),
            (r#"{"events": []}"#, false),
            (r#"{"push_data": {"tag": "latest"}, "repository": {"repo_name": "a/b"}}"#, true),
            ("not JSON", true),
        ] {
            assert_eq!(tells_of_an_image(body.as_bytes()), expected, "{body}");
        }
    }
}
