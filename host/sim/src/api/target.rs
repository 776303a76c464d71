//! What a request is about: its path, its verb and the form of answer it wants.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};

use super::refusal::Refusal;

/// A path that objects are served at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: String,
    pub(super) plural: String,
    /// Empty for a collection.
    pub(super) name: String,
    /// Empty, or such as `status`.
    pub(super) subresource: String,
}

/// What a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/<group>`.
    Group(String),
    /// `/api/v1` and `/apis/<group>/<version>`; the group is empty for the first.
    Version(String, String),
    /// `/version`, `/healthz`, `/openapi/v2` and the like.
    Other(String),
    Objects(Target),
}

/// Reads a path.
pub(super) fn route(path: &str) -> Route {
    let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decode).collect();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["api"] => Route::Core,
        ["apis"] => Route::Groups,
        ["apis", group] => Route::Group((*group).to_owned()),
        ["api", version] => Route::Version(String::new(), (*version).to_owned()),
        ["apis", group, version] => Route::Version((*group).to_owned(), (*version).to_owned()),
        ["api", version, rest @ ..] => target("", version, rest, path),
        ["apis", group, version, rest @ ..] => target(group, version, rest, path),
        _ => Route::Other(path.to_owned()),
    }
}

fn target(group: &str, version: &str, rest: &[&str], path: &str) -> Route {
    let (namespace, rest) = match rest {
        ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, below @ ..] if !below.is_empty() => (*namespace, below),
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return Route::Other(path.to_owned()),
    };
    let own = str::to_owned;
    Route::Objects(Target {
        group: own(group),
        version: own(version),
        namespace: own(namespace),
        plural: own(plural),
        name: own(name),
        subresource: own(subresource),
    })
}

/// The query of a request; of a key that is given twice, the last one counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(super) fn read(uri: &Uri) -> Result<Self, Refusal> {
        let query: Query<Vec<(String, String)>> =
            Query::try_from_uri(uri).map_err(|_| Refusal::bad_request("the query cannot be read"))?;
        Ok(Self(query.0.into_iter().collect()))
    }

    /// The text of a parameter, or an empty one.
    pub(super) fn text(&self, key: &str) -> &str {
        self.0.get(key).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn is_on(&self, key: &str) -> bool {
        matches!(self.text(key), "true" | "1" | "True")
    }

    pub(super) fn number(&self, key: &str) -> Result<u64, Refusal> {
        match self.text(key) {
            "" => Ok(0),
            text => text.parse().map_err(|_| Refusal::bad_request(format!("invalid {key}: \"{text}\""))),
        }
    }
}

/// The verb of a request about objects, as audit logs name it.
pub(super) fn verb(method: &Method, target: &Target, parameters: &Parameters) -> Option<&'static str> {
    let collection = target.name.is_empty();
    Some(match *method {
        Method::GET if parameters.is_on("watch") => "watch",
        Method::GET if collection => "list",
        Method::GET => "get",
        Method::POST if collection || !target.subresource.is_empty() => "create",
        Method::PUT if !collection => "update",
        Method::PATCH if !collection => "patch",
        Method::DELETE if collection => "deletecollection",
        Method::DELETE => "delete",
        _ => return None,
    })
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Whole,
    Table,
    MetadataOnly,
}

/// The first form of the `Accept` header that can be given.
pub(super) fn view(headers: &HeaderMap) -> View {
    for accept in accepts(headers) {
        match accept.split(';').find_map(|p| p.trim().strip_prefix("as=")) {
            Some("Table") => return View::Table,
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return View::MetadataOnly,
            None if accept.starts_with("application/json") || accept.starts_with("*/*") => return View::Whole,
            _ => {}
        }
    }
    View::Whole
}

/// The media types of the `Accept` header, in order; JSON ones only.
pub(super) fn accepts(headers: &HeaderMap) -> Vec<String> {
    let text = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    let types = text.split(',').map(|t| t.trim().to_owned());
    types.filter(|t| t.starts_with("application/json") || t.starts_with("*/*")).collect()
}

/// Undoes percent encoding; what is no valid encoding stays as it is.
fn decode(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match after {
            [high, low, tail @ ..] if first == b'%' => {
                if let (Some(high), Some(low)) = (hex(*high), hex(*low)) {
                    bytes.push(high * 16 + low);
                    rest = tail;
                    continue;
                }
                bytes.push(first);
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(path: &str) -> (String, String, String, String) {
        match route(path) {
            Route::Objects(t) => (t.namespace, t.plural, t.name, t.subresource),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_paths_of_objects() {
        let own = |a: &str, b: &str, c: &str, d: &str| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
        assert_eq!(objects("/api/v1/namespaces"), own("", "namespaces", "", ""));
        assert_eq!(objects("/api/v1/namespaces/dev"), own("", "namespaces", "dev", ""));
        assert_eq!(objects("/api/v1/namespaces/dev/status"), own("", "namespaces", "dev", "status"));
        assert_eq!(objects("/api/v1/namespaces/dev/pods"), own("dev", "pods", "", ""));
        assert_eq!(
            objects("/apis/apps/v1/namespaces/dev/deployments/a/status"),
            own("dev", "deployments", "a", "status")
        );
        let role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa";
        assert_eq!(objects(role), own("", "clusterroles", "system:a", ""));
        assert_eq!(route("/apis/apps/v1"), Route::Version("apps".into(), "v1".into()));
    }
}
