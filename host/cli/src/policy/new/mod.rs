//! `rhumb policy new`: a project that builds and passes its own tests.
//!
//! Everything that it writes is in this program, so nothing is fetched.

mod sdk;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use super::Printed;
use sdk::Sdk;

/// Options of `rhumb policy new`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Name of the policy: lower-case letters, digits and dashes
    name: String,
    /// What it decides about
    #[arg(long, value_enum)]
    kind: Kind,
    /// Language that it is written in
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// Folder to make; `./NAME` by default
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Folder of the SDK for Rust; by default that of the tree that this program was built in, and where that is gone
    /// the one in Rhumb's repository
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// What a policy decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Which tag a container gets
    Filter,
    /// Whether a version may move
    Promotion,
    /// What a release's values become
    Transform,
}

/// What a policy is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Small and fast
    #[default]
    Rust,
}

/// What the templates of one kind say.
struct Words {
    kind: &'static str,
    summary: &'static str,
    source: &'static str,
    examples: &'static str,
    cases: &'static str,
    attach: &'static str,
}

impl Kind {
    fn words(self) -> Words {
        match self {
            Self::Filter => Words {
                kind: "image filter",
                summary: "The tag with the highest number behind a prefix",
                source: include_str!("templates/rust/filter.rs"),
                examples: include_str!("templates/cases/filter.json"),
                cases: include_str!("templates/cases/filter.yaml"),
                attach: "fluxcd.io/automated: \"true\"\n\
                         filter.fluxcd.io/chart-image: policy:{name}\n\
                         rhumb.dev/config.{name}: '{\"prefix\": \"build-\"}'",
            },
            Self::Promotion => Words {
                kind: "promotion rule",
                summary: "Versions move only while few other releases are being changed",
                source: include_str!("templates/rust/promotion.rs"),
                examples: include_str!("templates/cases/promotion.json"),
                cases: include_str!("templates/cases/promotion.yaml"),
                attach: "rhumb.dev/promotion: {name}\nrhumb.dev/config.{name}: '{\"atMost\": 2}'",
            },
            Self::Transform => Words {
                kind: "value transform",
                summary: "Labels for the values of a release",
                source: include_str!("templates/rust/transform.rs"),
                examples: include_str!("templates/cases/transform.json"),
                cases: include_str!("templates/cases/transform.yaml"),
                attach: "rhumb.dev/values: {name}\n\
                         rhumb.dev/config.{name}: '{\"path\": \"/podLabels\", \"labels\": {\"team\": \"web\"}}'",
            },
        }
    }
}

/// A file of the project: path below its folder, and text.
type File = (String, String);

/// Writes the project and says what to do with it.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let name = &arguments.name;
    let is_word = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !is_word || !begins || name.ends_with('-') || name.len() > 64 {
        bail!(
            "`{name}` is no name for a policy: it begins with a letter and has lower-case letters, digits and dashes, \
             at most 64"
        );
    }
    let folder = arguments.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("`{}` is there already and not empty", folder.display());
    }
    let files = match arguments.lang {
        Language::Rust => rust(arguments)?,
    };
    for (path, text) in &files {
        write(&folder.join(path), text)?;
    }
    let mut text = String::new();
    for (path, _) in files.iter().filter(|(path, _)| path != "Cargo.lock") {
        text += &format!("{}\n", folder.join(path).display());
    }
    let (kind, folder) = (arguments.kind.words().kind, folder.display());
    text +=
        &format!("\nA policy of the kind {kind} that passes its tests. Next:\n  cd {folder}\n  rhumb policy test\n");
    Ok(Printed { text, success: true })
}

fn rust(arguments: &Arguments) -> Result<Vec<File>> {
    let (name, words) = (&arguments.name, arguments.kind.words());
    let sdk = Sdk::find(arguments.sdk.as_deref())?;
    let manifest = include_str!("templates/rust/Cargo.toml.txt");
    let manifest = manifest.replace("{name}", name).replace("{summary}", words.summary);
    let mut files = vec![
        ("Cargo.toml".to_owned(), manifest.replace("{sdk}", &sdk.dependency())),
        ("src/lib.rs".to_owned(), words.source.to_owned()),
        (".gitignore".to_owned(), include_str!("templates/rust/gitignore.txt").to_owned()),
    ];
    files.extend(sdk.lock().map(|lock| ("Cargo.lock".to_owned(), lock)));
    files.extend(shared(name, &words, "src/lib.rs", "$ cargo test                   # runs the cases natively\n"));
    Ok(files)
}

/// What is the same in all languages.
fn shared(name: &str, words: &Words, source: &str, native: &str) -> Vec<File> {
    let indented: Vec<String> = words.attach.lines().map(|line| format!("    {line}")).collect();
    let attach = format!("metadata:\n  annotations:\n{}", indented.join("\n"));
    let readme = include_str!("templates/README.md.txt");
    let readme = readme.replace("{attach}", &attach).replace("{summary}", words.summary).replace("{kind}", words.kind);
    let readme = readme.replace("{source}", source).replace("{native}", native);
    let readme = readme.replace("{component}", &format!("target/policies/{name}.wasm")).replace("{name}", name);
    vec![
        (format!("cases/{name}.yaml"), words.cases.to_owned()),
        ("cases/examples.json".to_owned(), words.examples.to_owned()),
        ("README.md".to_owned(), readme),
    ]
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.with_context(|| format!("failed to write `{}`", path.display()))
}
