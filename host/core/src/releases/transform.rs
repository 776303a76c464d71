//! The chain of value transforms of one release: each sees what the one before it left.

use serde_json::Value;

use super::attached::{counts, found, transforms};
use super::view::{ReleaseView, ReleasesView};
use crate::attach::OnFailure;
use crate::evidence::Wanted;
use crate::id::PolicyName;
use crate::images::context;
use crate::judge::{Answer, Ask, Decision, Question, Transformation};
use crate::policies::About;
use crate::values::apply;

/// What comes next in the chain.
#[allow(clippy::large_enum_variant, reason = "there is one for each release, and it is read at once")]
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Ask this.
    Ask {
        /// What people read: the policy, and behind `@` the binding that says so.
        name: PolicyName,
        /// The question.
        question: Question,
        /// What it means when it is not answered.
        on_failure: OnFailure,
    },
    /// The values as the chart gets them, secrets still sealed, and what each transform did.
    Done {
        /// Values after all transforms.
        values: Value,
        /// In order: the policy's name and what it did.
        steps: Vec<(String, Transformation)>,
    },
    /// A transform gave no usable answer; the release stays as it is.
    Stopped {
        /// The policy.
        policy: String,
        /// Stable word.
        code: String,
        /// For people.
        message: String,
    },
}

/// The evidence that the transforms of these releases want.
pub fn evidence_wanted<'a>(view: &ReleasesView, releases: impl IntoIterator<Item = &'a ReleaseView>) -> Wanted {
    let mut wanted = Wanted::default();
    for release in releases {
        for transform in transforms(release, &view.bound).unwrap_or_default() {
            if let Some(Ok(policy)) = found(view, release, &transform) {
                wanted.add(&release.id, &policy.info.evidence);
            }
        }
    }
    wanted
}

/// The next question of the chain, given what was decided so far, in order.
pub fn next(view: &ReleasesView, release: &ReleaseView, decided: &[Decision]) -> Next {
    let stopped = |policy: &str, code: &str, message: String| Next::Stopped {
        policy: policy.to_owned(),
        code: code.to_owned(),
        message,
    };
    let (Ok(sealed), Ok(chart)) = (&release.values, &release.chart) else {
        return stopped("", "blocked", "the chart or the values are missing".to_owned());
    };
    let transforms = match transforms(release, &view.bound) {
        Ok(transforms) => transforms,
        Err(why) => return stopped("", "bad-config", why),
    };
    let mut values = sealed.values.clone();
    let mut steps = Vec::new();
    let mut decided = decided.iter();
    for transform in transforms {
        let name = transform.name.as_str();
        let policy = match found(view, release, &transform) {
            None => continue,
            Some(Ok(policy)) => policy,
            Some(Err(missing)) => return stopped(name, "unavailable", missing.to_string()),
        };
        let config = policy.config(&transform.config).to_string();
        let Some(decision) = decided.next() else {
            let evidence = match view.evidence.document(&release.id, &policy.info.evidence, 0) {
                Ok(evidence) => evidence,
                Err(unread) => return stopped(name, "no-evidence", unread.to_string()),
            };
            let labels = (&release.labels, &release.annotations);
            let question = Question {
                context: context(&release.id, release.environment.as_ref(), labels, (&transform.policy, view.now)),
                policy: transform.policy.clone(),
                component: policy.info.component.clone(),
                config,
                ask: Ask::Transform {
                    chart: chart.about.clone(),
                    values: values.to_string(),
                    evidence: evidence.to_string(),
                },
            };
            return Next::Ask { name: transform.name, question, on_failure: policy.on_failure() };
        };
        if !counts(&transform, &policy) || (decision.answer.is_err() && policy.on_failure() == OnFailure::Skip) {
            continue;
        }
        let (asked, about) = ((&release.id, &transform.name), About { config: &config, moves: &[], now: view.now });
        let answer = view.last.counting(asked, policy.on_failure(), (&about, decision));
        match answer.as_ref() {
            Ok(Answer::Transformation(transformation)) => match apply(&values, &transformation.operations) {
                Ok(changed) => {
                    values = changed;
                    steps.push((name.to_owned(), transformation.clone()));
                }
                Err(error) => return stopped(name, "bad-output", error.to_string()),
            },
            Ok(_) => return stopped(name, "bad-output", "gave no operations".to_owned()),
            Err(failure) => return stopped(name, failure.code(), failure.to_string()),
        }
    }
    Next::Done { values, steps }
}
