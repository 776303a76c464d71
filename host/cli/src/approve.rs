//! `rhumb approve`: a person says yes to exactly these versions.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_core::id::Timestamp;
use rhumb_core::objects::{ApprovalSpec, ApprovedMove, Subject, approval};
use rhumb_daemon::report::{Held, Image};
use rhumb_io::cluster::User;
use serde::Serialize;

use crate::operator::Connection;
use crate::release::identity;

/// Most groups that an approval names.
const GROUPS_LIMIT: usize = 256;

/// Options of `rhumb approve`.
#[derive(Args, Debug)]
pub struct Approve {
    /// The HelmRelease, as NAMESPACE/NAME, or another object as `rhumb images` prints it
    object: String,
    /// What it may go to: every version that it waits to move to, each as VERSION or as CONTAINER=VERSION
    #[arg(value_name = "VERSION", required = true)]
    versions: Vec<String>,
    /// For how long the approval counts, such as 24h or "2h 30m"; for ever when not given
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Duration>,
    /// Why, for those who read it later
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// What was written.
#[derive(Serialize)]
struct Approved {
    namespace: String,
    name: String,
    #[serde(flatten)]
    spec: ApprovalSpec,
}

impl Approve {
    /// Runs the command: asks the daemon what the object waits to move to, and writes an `Approval` of it as the user whom
    /// the API server knows.
    pub async fn run(&self) -> Result<ExitCode> {
        let reach = self.connection.reach();
        let daemon = reach.find().await?;
        let images: Vec<Image> = daemon.get("v1/images").await?;
        let object = identity(&self.object);
        let moves = moves(&images, &object, &self.versions)?;
        let (namespace, subject) = subject(&object)?;
        let cluster = reach.cluster().await?;
        let User { name: by, mut groups } = cluster.user().await?;
        groups.retain(|group| !group.starts_with("system:"));
        groups.truncate(GROUPS_LIMIT);
        let now = now();
        let until = self
            .length
            .map(|length| now.plus_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)).to_string());
        let spec = ApprovalSpec { by, groups, object: subject, moves, until, reason: self.message.clone() };
        let made = approval(&namespace, &spec, now);
        cluster.create(&made).await.context("failed to write the approval")?;
        let name = made.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let approved = Approved { namespace, name, spec };
        self.connection.print(&approved, told)
    }
}

fn told(approved: &Approved) -> String {
    let spec = &approved.spec;
    let moves: Vec<String> = spec.moves.iter().map(|one| format!("{} to {}", one.subject, one.to)).collect();
    let until = spec.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    format!("{} approves {}/{}: {}{until}\n", spec.by, approved.namespace, spec.object.name, moves.join(", "))
}

/// The moves that the object waits for, when these versions are exactly those.
fn moves(images: &[Image], object: &str, versions: &[String]) -> Result<Vec<ApprovedMove>> {
    let of_object: Vec<&Image> = images.iter().filter(|image| image.object == object).collect();
    if of_object.is_empty() {
        bail!("the daemon knows no images of `{object}`\n\nhint: `rhumb images` shows what it knows");
    }
    let held: Vec<(&str, &Held)> =
        of_object.iter().filter_map(|image| Some((image.container.as_str(), image.held.as_ref()?))).collect();
    let names = |version: &str, (container, held): (&str, &Held)| {
        let named = version.strip_prefix(container).and_then(|rest| rest.strip_prefix('=')).unwrap_or(version);
        named == held.to
    };
    let waits: Vec<String> = held.iter().map(|(container, held)| format!("{container}={}", held.to)).collect();
    let waits = if waits.is_empty() { "nothing".to_owned() } else { waits.join(" ") };
    if let Some(unknown) = versions.iter().find(|version| !held.iter().any(|one| names(version, *one))) {
        bail!("`{object}` does not wait to move to `{unknown}`; it waits for: {waits}");
    }
    // An approval of a part would count for nothing: rules judge all moves of a release together.
    if let Some((container, left)) = held.iter().find(|one| !versions.iter().any(|version| names(version, **one))) {
        bail!(
            "`{object}` moves together, and `{container}={}` is not among the versions\n\nhint: approve all of it: {waits}",
            left.to
        );
    }
    let approved =
        held.iter().map(|(container, held)| ApprovedMove { subject: (*container).to_owned(), to: held.to.clone() });
    Ok(approved.collect())
}

/// Namespace, kind and name of `<namespace>:<kind>/<name>`.
fn subject(object: &str) -> Result<(String, Subject)> {
    let parts = object.split_once(':').and_then(|(namespace, rest)| Some((namespace, rest.split_once('/')?)));
    let (namespace, (kind, name)) = parts.with_context(|| format!("`{object}` is not of the form NAMESPACE/NAME"))?;
    let kind = if kind == "helmrelease" { "HelmRelease" } else { kind };
    Ok((namespace.to_owned(), Subject { kind: kind.to_owned(), name: name.to_owned() }))
}

/// Reads a length of time such as `24h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let length: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(length).ok().filter(|length| !length.is_zero()).ok_or("it is not after now".to_owned())
}

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(container: &str, to: Option<&str>) -> Image {
        let held = to.map(|to| Held {
            to: to.to_owned(),
            rule: "approval".to_owned(),
            verdict: "require-approval".to_owned(),
            until: None,
        });
        Image {
            object: "prod:helmrelease/app".to_owned(),
            container: container.to_owned(),
            image: String::new(),
            filter: String::new(),
            file: String::new(),
            line: 1,
            update: None,
            held,
            code: String::new(),
            reason: String::new(),
            considered: Vec::new(),
            fuel: 0,
        }
    }

    /// Checks what these versions approve of a release with one move of `web`, one of `worker` and none of `init`.
    fn check(versions: &[&str], expected: &str) {
        let images = [image("web", Some("1.2.0")), image("worker", Some("7")), image("init", None)];
        let versions: Vec<String> = versions.iter().map(|version| (*version).to_owned()).collect();
        let found = match moves(&images, "prod:helmrelease/app", &versions) {
            Ok(moves) => moves.iter().map(|one| format!("{}→{}", one.subject, one.to)).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        assert_eq!(found, expected, "{versions:?}");
    }

    #[test]
    fn exactly_what_waits_is_approved() {
        check(&["1.2.0", "7"], "web→1.2.0 worker→7");
        check(&["worker=7", "web=1.2.0"], "web→1.2.0 worker→7");
        check(&["1.2.0"], "`prod:helmrelease/app` moves together, and `worker=7` is not among the versions");
        check(&["1.2.0", "8"], "`prod:helmrelease/app` does not wait to move to `8`; it waits for: web=1.2.0 worker=7");
        check(
            &["web=7", "1.2.0"],
            "`prod:helmrelease/app` does not wait to move to `web=7`; it waits for: web=1.2.0 worker=7",
        );
        let nothing = moves(&[image("web", None)], "prod:helmrelease/app", &["1".to_owned()]).unwrap_err();
        assert!(nothing.to_string().ends_with("it waits for: nothing"), "{nothing}");
        let unknown = moves(&[], "prod:helmrelease/app", &["1".to_owned()]).unwrap_err();
        assert!(unknown.to_string().starts_with("the daemon knows no images of"), "{unknown}");
    }

    #[test]
    fn lengths_are_read_as_people_write_them() {
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("-1h").is_err() && duration("soon").is_err() && duration("0s").is_err());
    }
}
