//! Stands for a build pipeline: makes an image with random content and pushes it, without Docker.
//!
//! The options are those of the script of the same name in Flux's get-started repository.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use rhumb_sim::{Clock, image};

/// Make an image with random content and push it
#[derive(Debug, Parser)]
#[command(name = "ci-mock")]
struct Arguments {
    /// Repository with its registry, such as 127.0.0.1:5000/rhumb/podinfo; https:// in front asks for TLS
    #[arg(short, long)]
    repository: String,
    /// Branch that the image is built from; it begins the tag
    #[arg(short, long, default_value = "master")]
    branch: String,
    /// Version, which is the whole tag
    #[arg(short = 'v', long)]
    version: Option<String>,
    /// User, for a registry that asks; the password comes from the environment, CI_MOCK_PASSWORD
    #[arg(short, long)]
    user: Option<String>,
    /// Use plain HTTP; registries on this machine are, unless https:// is in front
    #[arg(long)]
    insecure: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(reference) => {
            let _ = writeln!(std::io::stdout(), "{reference}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut text = format!("error: {error}\n");
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!("  caused by: {cause}\n"));
                source = cause.source();
            }
            let _ = write!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let (secured, reference) = match arguments.repository.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, arguments.repository.as_str()),
    };
    let (host, repository) = split(reference)?;
    let commit = image::commit();
    let (tag, version) = match &arguments.version {
        Some(version) => (version.clone(), version.clone()),
        None => (format!("{}-{commit}", arguments.branch), "0.4.0".to_owned()),
    };
    check_tag(&tag)?;
    let plain = !secured && (arguments.insecure || is_loopback(host));
    let registry = format!("{}://{host}", if plain { "http" } else { "https" });
    let labels = [("revision", commit), ("version", version), ("ref.name", arguments.branch.clone())];
    let labels: BTreeMap<_, _> =
        labels.into_iter().map(|(key, value)| (format!("org.opencontainers.image.{key}"), value)).collect();
    let login = match arguments.user.clone() {
        Some(user) => Some((user, password()?)),
        None => None,
    };
    let options = image::Options { created: Clock::system().now(), labels, login };
    image::push(&registry, repository, &tag, &options).await?;
    Ok(format!("{host}/{repository}:{tag}"))
}

fn password() -> Result<String, String> {
    std::env::var("CI_MOCK_PASSWORD")
        .map_err(|_| "`--user` is given, but no password; set CI_MOCK_PASSWORD in the environment".to_owned())
}

/// Host and path. Unlike Docker's short names, the host has to be there.
fn split(reference: &str) -> Result<(&str, &str), String> {
    let found = reference
        .split_once('/')
        .filter(|(host, path)| !path.is_empty() && (host.contains(['.', ':']) || *host == "localhost"));
    found.ok_or_else(|| {
        format!("repository `{reference}` names no registry; give one in front, such as `127.0.0.1:5000/{reference}`")
    })
}

fn check_tag(tag: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let valid = tag.len() <= 128 && tag.starts_with(first) && tag.chars().all(|c| first(c) || c == '.' || c == '-');
    if valid { Ok(()) } else { Err(format!("`{tag}` cannot be a tag; use letters, digits, `_`, `.` and `-`")) }
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
