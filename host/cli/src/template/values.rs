//! The values that flags give, in Helm's order: files, `--set-json`, `--set`, `--set-string`, `--set-file`,
//! `--set-literal`, wherever they stand on the command line.

use std::io::Read as _;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use rhumb_helm::set::{Style, floats, set, set_files};
use rhumb_helm::values::merge;
use serde_json::{Map, Value};

/// Flags that give values.
#[derive(Args, Debug)]
pub(super) struct Given {
    /// Values file, `-` for standard input; the last one wins
    #[arg(long, short = 'f', value_name = "FILE", value_delimiter = ',')]
    values: Vec<String>,
    /// Set values, such as `image.tag=v2,replicas=3,hosts={a,b},ports[0].name=web`
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Set values that are all text
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set_string: Vec<String>,
    /// Set values that are JSON
    #[arg(long, value_name = "KEY=JSON", allow_hyphen_values = true)]
    set_json: Vec<String>,
    /// Set values to the text of files
    #[arg(long, value_name = "KEY=FILE", allow_hyphen_values = true)]
    set_file: Vec<String>,
    /// Set one value to all that follows, as it is
    #[arg(long, value_name = "KEY=TEXT", allow_hyphen_values = true)]
    set_literal: Vec<String>,
}

impl Given {
    /// All of them, as one map.
    pub(super) fn merged(&self) -> Result<Map<String, Value>> {
        let mut values = Map::new();
        for file in &self.values {
            values = merge(values, &layer(file)?);
        }
        for argument in &self.set_json {
            let wrong = |_| anyhow!("failed parsing --set-json data {argument}");
            set(&mut values, argument, Style::Json).map_err(wrong)?;
        }
        for (flag, arguments, style) in
            [("--set", &self.set, Style::Typed), ("--set-string", &self.set_string, Style::Text)]
        {
            for argument in arguments {
                set(&mut values, argument, style).map_err(|message| refused(flag, &message))?;
            }
        }
        let mut read_file = |path: &str| read(path).map_err(|error| format!("open {path}: {}", said(&error)));
        for argument in &self.set_file {
            set_files(&mut values, argument, &mut read_file).map_err(|message| refused("--set-file", &message))?;
        }
        for argument in &self.set_literal {
            set(&mut values, argument, Style::Literal).map_err(|message| refused("--set-literal", &message))?;
        }
        Ok(values)
    }
}

fn refused(flag: &str, message: &str) -> anyhow::Error {
    anyhow!("failed parsing {flag} data: {message}")
}

/// The values of one file.
fn layer(file: &str) -> Result<Map<String, Value>> {
    let failed = || format!("failed to read `{file}`");
    let bytes = read(file).with_context(failed)?;
    let text = String::from_utf8(bytes).with_context(failed)?;
    let limits = rhumb_yaml::Limits::default();
    match floats(rhumb_yaml::first_value(&text, &limits).with_context(failed)?) {
        Value::Object(layer) => Ok(layer),
        Value::Null => Ok(Map::new()),
        _ => bail!("`{file}` is not a mapping"),
    }
}

fn read(path: &str) -> std::io::Result<Vec<u8>> {
    if path.trim() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        return Err(std::io::Error::other("values are not fetched; download them first, and give the file"));
    }
    std::fs::read(path)
}

/// An error of the system in the words that Go has for it.
fn said(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
