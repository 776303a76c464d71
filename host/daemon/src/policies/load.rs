//! From an object to a policy that can be asked: fetched, admitted, compiled, checked.

use rhumb_core::chain::chain;
use rhumb_core::judge::{Problem, Reason};
use rhumb_core::objects::Declared;
use rhumb_core::policies::{PolicyInfo, Serving, Step, Trouble};
use rhumb_policy::{LoadError, Sandbox, Stage};
use serde_json::Value;

use super::fetch::{Fetched, fetch};
use crate::context::Context;

/// Most problems of a config that are told.
const PROBLEMS: usize = 5;

/// A policy that came through.
pub(super) struct Loaded {
    pub(super) info: PolicyInfo,
    pub(super) serving: Serving,
}

/// Where one got stuck.
#[derive(Debug)]
pub struct Failed {
    /// At which step, and why.
    pub trouble: Trouble,
    /// Whether the same may work later.
    pub may_pass: bool,
}

impl Failed {
    /// It stays so until somebody changes something.
    pub(super) fn for_good(at: Step, why: impl Into<String>) -> Self {
        Self { trouble: Trouble { at, why: why.into() }, may_pass: false }
    }

    /// It is tried again.
    pub(super) fn for_now(at: Step, why: impl Into<String>) -> Self {
        Self { trouble: Trouble { at, why: why.into() }, may_pass: true }
    }
}

/// Loads what an object declares.
pub(super) async fn load(ctx: &Context, declared: &Declared) -> Result<Loaded, Failed> {
    let source = declared.source.as_ref().map_err(|why| Failed::for_good(Step::Declared, why))?;
    let (bytes, _) = limits(&ctx.sandbox, declared)?;
    let Fetched { bytes, reference } = fetch(ctx, (declared, source), bytes).await?;
    let (sandbox, declared) = (ctx.sandbox.clone(), declared.clone());
    let checked = tokio::task::spawn_blocking(move || check(&sandbox, &declared, &bytes)).await;
    let loaded =
        checked.unwrap_or_else(|_| Err(Failed::for_now(Step::Compiled, "the thread that loaded it panicked")))?;
    let info = loaded.info();
    let serving =
        Serving { component: loaded.digest, reference, kind: loaded.kind, name: loaded.name, version: loaded.version };
    Ok(Loaded { info, serving })
}

/// Bytes of the component and fuel of one call that an object allows.
fn limits(sandbox: &Sandbox, declared: &Declared) -> Result<(usize, u64), Failed> {
    let host = sandbox.limits();
    let bytes = within(declared.limits.bytes, host.component_bytes as u64, "bytes")?;
    let fuel = within(declared.limits.fuel, host.fuel, "fuel")?;
    Ok((usize::try_from(bytes).unwrap_or(usize::MAX), fuel))
}

/// The lower of what the object and what the daemon allows.
fn within(own: Option<u64>, host: u64, what: &str) -> Result<u64, Failed> {
    match own {
        Some(own) if own > host => {
            let why = format!("spec.limits.{what} is {own}, more than the {host} that the daemon allows");
            Err(Failed::for_good(Step::Declared, why))
        }
        own => Ok(own.unwrap_or(host)),
    }
}

/// Makes bytes a policy that may be asked as the object says: admitted, compiled and checked.
pub fn check(sandbox: &Sandbox, declared: &Declared, bytes: &[u8]) -> Result<rhumb_policy::Loaded, Failed> {
    let (most, fuel) = limits(sandbox, declared)?;
    if bytes.len() > most {
        let why = format!("component has {} bytes, allowed are {most}", bytes.len());
        return Err(Failed::for_good(Step::Admitted, why));
    }
    let loaded = sandbox.load(bytes).map_err(|error| refused(&error))?;
    let refuse = |why: String| Err(Failed::for_good(Step::Checked, why));
    if loaded.describe.fuel > fuel {
        let recommended = loaded.describe.fuel;
        return refuse(format!("it recommends {recommended} fuel for a call, and spec.limits.fuel allows {fuel}"));
    }
    let info = loaded.info();
    if let Some(grants) = &declared.grants
        && let Some(wanted) = info.evidence.iter().find(|part| !grants.contains(part))
    {
        return refuse(format!("it wants to see `{0}`; add `{0}` to spec.grants", wanted.key()));
    }
    let config = Value::Object(declared.settings.config.clone());
    if let Err(problems) = sandbox.check_config(&info.component, &config.to_string()) {
        // What is missing may be set by those who attach it.
        let problems: Vec<Problem> = problems.into_iter().filter(|problem| problem.reason.code != "missing").collect();
        if !problems.is_empty() {
            return refuse(told(&problems));
        }
    }
    Ok(loaded)
}

fn refused(error: &LoadError) -> Failed {
    let at = match error.stage() {
        Stage::Admission => Step::Admitted,
        Stage::Compile => Step::Compiled,
        Stage::Check => Step::Checked,
    };
    Failed { trouble: Trouble { at, why: chain(error) }, may_pass: error.may_pass() }
}

fn told(problems: &[Problem]) -> String {
    let line =
        |Problem { pointer, reason: Reason { message, .. } }: &Problem| format!("spec.config{pointer}: {message}");
    problems.iter().take(PROBLEMS).map(line).collect::<Vec<String>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_lowers_limits_and_raises_none() {
        assert_eq!(within(None, 10, "fuel").unwrap(), 10);
        assert_eq!(within(Some(3), 10, "fuel").unwrap(), 3);
        let failed = within(Some(11), 10, "fuel").unwrap_err();
        assert_eq!(failed.trouble.why, "spec.limits.fuel is 11, more than the 10 that the daemon allows");
        assert_eq!((failed.trouble.at, failed.may_pass), (Step::Declared, false));
    }
}
