//! `rhumb policy inspect`: what a component is, without asking it anything.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use rhumb_daemon::config::Registries;
use rhumb_policy::{Isolation, Options, Sandbox};
use serde_json::{Value, json};

use super::{Printed, oci};
use crate::print::Output;
use crate::table::Table;

/// Options of `rhumb policy inspect`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Component: a file, or `oci://` and a reference such as registry.example.com/policies/mine:0.1.0
    component: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    registries: Registries,
}

/// Loads a component and prints what it says about itself and what it may use.
pub async fn run(arguments: &Arguments) -> Result<Printed> {
    let (component, path) = (arguments.component.to_string_lossy(), &arguments.component);
    let fetched = match oci::is_reference(path) {
        true => Some(oci::fetch(&component, &arguments.registries).await?),
        false => None,
    };
    let sandbox = walled()?;
    let policy = match &fetched {
        Some(fetched) => sandbox.load(&fetched.bytes).with_context(|| format!("failed to load `{component}`"))?,
        None => super::load(&sandbox, path)?,
    };
    let pinned = fetched.map(|fetched| fetched.pinned);
    let limits = sandbox.limits();
    if arguments.output == Output::Json {
        let value = json!({
            "digest": policy.digest, "size": policy.size, "imports": policy.imports, "describe": policy.describe,
            "limits": {
                "fuel": policy.budget, "wallMillis": limits.wall_millis, "memoryBytes": limits.memory_bytes,
            },
            "isolation": sandbox.walls(), "reference": pinned,
        });
        return Ok(Printed { text: super::json(&value)?, success: true });
    }
    let describe = &policy.describe;
    let wants = &describe.wants;
    let mut wanted = Vec::new();
    wanted.extend(wants.created.then(|| "build times".to_owned()));
    wanted.extend(wants.digests.then(|| "digests".to_owned()));
    wanted.extend(wants.facts.iter().chain(&wants.evidence).cloned());
    let or_nothing = |list: Vec<String>| if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    let mut text = format!(
        "name      {} {}\nkind      {}\nsummary   {}\ncontract  {}\ndigest    {}\nsize      {} bytes\n",
        policy.name,
        policy.version,
        policy.kind.as_str(),
        describe.summary,
        describe.contract,
        policy.digest,
        policy.size,
    );
    text += &pinned.map(|pinned| format!("reference {pinned}\n")).unwrap_or_default();
    // An import without functions is a list of types, not a permission.
    let imports = policy.imports.iter().map(|import| format!("{import} (types only)")).collect();
    text += &format!("imports   {}\nwants     {}\n", or_nothing(imports), or_nothing(wanted));
    text += &format!(
        "limits    {} fuel, {} ms, {} MiB of memory\n",
        policy.budget,
        limits.wall_millis,
        limits.memory_bytes >> 20,
    );
    text += &sandbox.walls().map(|walls| format!("isolation {walls}\n")).unwrap_or_default();
    let mut config = Table::new(&["SETTING", "TYPE", "NEEDED", "MEANING"]);
    let required = describe.config.get("required").and_then(Value::as_array);
    for (name, schema) in describe.config.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let is_needed = required.is_some_and(|names| names.iter().any(|needed| needed == name));
        let word = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
        let choices = schema.get("enum").map(Value::to_string).unwrap_or_default();
        let kind = if choices.is_empty() { word("type") } else { &choices };
        config.row([name.as_str(), kind, if is_needed { "yes" } else { "no" }, word("description")]);
    }
    let mut reasons = Table::new(&["REASON", "MEANING"]);
    for reason in &describe.reasons {
        reasons.row([&reason.code, &reason.text]);
    }
    text += &format!("\n{}\n{}", config.print(""), reasons.print(""));
    Ok(Printed { text, success: true })
}

/// A sandbox as the daemon has it, which shows what walls this machine gives it.
fn walled() -> Result<Sandbox> {
    let isolation = Isolation::Process(super::this_program()?);
    Sandbox::new(Options { isolation, ..Options::default() }).context("failed to start the sandbox")
}
