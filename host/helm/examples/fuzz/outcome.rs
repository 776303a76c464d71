//! The two answers to a case.

use rhumb_helm::{Action, Capabilities, Chart, Entropy, File, Integers, Limits, ReleaseOptions, RenderInput};

use crate::grammar::Case;
use crate::reference::Reference;

/// What one engine says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Printed(String),
    Refused(String),
}

impl Answer {
    /// What stands for no answer at all.
    pub(crate) fn died() -> Self {
        Answer::Refused("it died, or did not answer in time".to_owned())
    }
}

/// How two answers go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Alike,
    BothRefuse,
    /// Both print, not the same.
    Differ,
    WeRefuse,
    HelmRefuses,
    /// This engine ran into a bug of its own, whatever Helm says.
    Panic,
}

/// Both answers to a case, ours first.
pub(crate) fn judge(reference: &mut Reference, case: &Case) -> Result<(Outcome, Answer, Answer), String> {
    reference.ask(case)?;
    let ours = ours(case);
    let theirs = reference.answer();
    let outcome = match (&ours, &theirs) {
        (Answer::Refused(message), _) if message.contains("bug of this program") => Outcome::Panic,
        (Answer::Printed(ours), Answer::Printed(theirs)) if ours == theirs => Outcome::Alike,
        (Answer::Printed(_), Answer::Printed(_)) => Outcome::Differ,
        (Answer::Refused(_), Answer::Refused(_)) => Outcome::BothRefuse,
        (Answer::Refused(_), Answer::Printed(_)) => Outcome::WeRefuse,
        (Answer::Printed(_), Answer::Refused(_)) => Outcome::HelmRefuses,
    };
    Ok((outcome, ours, theirs))
}

fn ours(case: &Case) -> Answer {
    match rendered(case) {
        Ok(text) => Answer::Printed(text),
        Err(message) => Answer::Refused(message),
    }
}

fn rendered(case: &Case) -> Result<String, String> {
    let limits = Limits::default();
    let files = case.files().into_iter().map(|(path, text)| File { path, data: text.into_bytes() });
    let chart = Chart::from_files(files.collect(), &limits).map_err(|error| chain(&error))?;
    let values =
        rhumb_yaml::first_value(&case.values, &rhumb_yaml::Limits::default()).map_err(|error| chain(&error))?;
    let release =
        ReleaseOptions { name: "rel".to_owned(), namespace: "ns1".to_owned(), revision: 1, action: Action::Install };
    let input = RenderInput {
        chart: &chart,
        values: &values.as_object().cloned().unwrap_or_default(),
        integers: Integers::Float,
        release: &release,
        capabilities: &Capabilities::default(),
        entropy: Entropy { seed: 1.into(), now: 1_790_000_000 },
        limits: &limits,
    };
    Ok(rhumb_helm::render(&input).map_err(|error| chain(&error))?.manifest)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
