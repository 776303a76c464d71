//! The promotion rule `soak`: a version may come here once it has run healthy elsewhere for a while.

use rhumb_guest_sdk::{
    About, Context, Duration, Environment, Evidence, Failure, Hold, Move, Policy, PolicyConfig, Problem, PromotionRule,
    Reason, Timestamp, Verdict, Wants, export_policy,
};

/// The settings of `soak`.
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The environment in which a version must have run, such as `stg`.
    from: String,
    /// For how long it must have been healthy there, such as `30m` or `1d12h`.
    r#for: String,
}

/// The rule, ready to judge.
pub struct Soak {
    from: String,
    length: Duration,
}

impl Policy for Soak {
    type Config = Config;

    const ABOUT: About = About {
        name: "soak",
        version: env!("CARGO_PKG_VERSION"),
        summary: "A version may move once it has run healthy in another environment for a while",
        reasons: &[
            ("soaked", "every version has been healthy there for long enough"),
            ("soaking", "a version has not been healthy there for long enough yet"),
            ("unhealthy", "a version runs there and is not healthy"),
            ("not-running", "a version does not run there"),
            ("is-source", "this is the environment in which versions soak"),
        ],
        wants: Wants { evidence: &["environments"], ..Wants::NOTHING },
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.from.trim().is_empty() {
            problems.push(Problem::new("/from", "empty", "name an environment, such as `stg`"));
        }
        let length = Duration::parse(&config.r#for);
        if length.is_none() {
            let text = format!("wanted a duration such as `30m` or `1d12h`, got `{}`", config.r#for);
            problems.push(Problem::new("/for", "bad-duration", text));
        }
        match length {
            Some(length) if problems.is_empty() => Ok(Self { from: config.from, length }),
            _ => Err(problems),
        }
    }
}

impl PromotionRule for Soak {
    fn judge(&self, context: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        if context.environment.as_deref() == Some(self.from.as_str()) {
            return Ok(Verdict::Allow(Reason::new("is-source", format!("versions soak in `{}`", self.from))));
        }
        let states: Vec<(&Move, State)> = moves.iter().map(|one| (one, self.state(one, evidence))).collect();
        let worst = states.iter().max_by_key(|(_, state)| *state);
        Ok(match worst.map(|(one, state)| (one.to_version.as_str(), *state)) {
            Some((version, State::Absent)) => {
                self.hold(None, "not-running", format!("`{version}` does not run in `{}`", self.from))
            }
            Some((version, State::Unhealthy)) => {
                self.hold(None, "unhealthy", format!("`{version}` runs in `{}` and is not healthy", self.from))
            }
            Some((version, State::Since(since))) if since + self.length.0 > context.now => {
                let until = since + self.length.0;
                let text = format!(
                    "`{version}` has been healthy in `{}` since {}; {} are over at {}",
                    self.from,
                    Timestamp(since),
                    self.length,
                    Timestamp(until),
                );
                self.hold(Some(until), "soaking", text)
            }
            Some(_) | None => {
                let text = format!("healthy in `{}` for {} and more", self.from, self.length);
                Verdict::Allow(Reason::new("soaked", text))
            }
        })
    }
}

/// How a version fares in the other environment, from the best to the worst; of two times the later is worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Healthy since then.
    Since(u64),
    Unhealthy,
    Absent,
}

impl Soak {
    /// The best state among the releases that run this version there.
    fn state(&self, one: &Move, evidence: &Evidence) -> State {
        let there = evidence.environments.iter().filter(|environment| environment.environment == self.from);
        there.filter_map(|environment| state_in(one, environment)).min().unwrap_or(State::Absent)
    }

    fn hold(&self, until: Option<u64>, code: &str, text: String) -> Verdict {
        Verdict::Hold(Hold { until, reason: Reason::new(code, text) })
    }
}

/// The state of this version in one release; `None` when it does not run there.
fn state_in(one: &Move, environment: &Environment) -> Option<State> {
    let since = if one.subject == "chart" {
        let chart = environment.chart.as_ref()?;
        let same = one.repository == chart.name || one.repository.ends_with(&format!("/{}", chart.name));
        (same && chart.version == one.to_version).then_some(0)?
    } else {
        let same = |image: &&rhumb_guest_sdk::Image| image.repository == one.repository && image.tag == one.to_version;
        environment.images.iter().find(same)?.since
    };
    // The release may have been healthy long before this version came, and the version may be older than its health.
    let since = since.max(environment.healthy_since);
    Some(if environment.healthy && since > 0 { State::Since(since) } else { State::Unhealthy })
}

export_policy!(Soak: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<Soak>(env!("CARGO_MANIFEST_DIR"));
    }
}
