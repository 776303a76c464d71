//! The promotion rule `waves`: one group of releases after the other, and not too many at once.

use rhumb_guest_sdk::{
    About, Context, Duration, Environment, Evidence, Failure, Hold, Move, Policy, PolicyConfig, Problem, PromotionRule,
    Reason, Timestamp, Verdict, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `waves`.
#[derive(Deserialize, PolicyConfig)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The label that names the wave of a release.
    #[serde(default = "label")]
    label: String,
    /// Values of the label in order, such as `[canary, early, all]`; a release without one of them is in the last.
    waves: Vec<String>,
    /// For how long the wave before must have been healthy with the version; not at all by default.
    pause: Option<String>,
    /// Over how long the releases of one wave are spread, each at an instant of its own; not at all by default.
    spread: Option<String>,
    /// How many releases of the cluster may be changing at once; any number by default.
    at_once: Option<u32>,
}

fn label() -> String {
    "rhumb.dev/wave".to_owned()
}

/// The rule, ready to judge.
pub struct Waves {
    config: Config,
    pause: Duration,
    spread: Duration,
}

impl Policy for Waves {
    type Config = Config;

    const ABOUT: About = About {
        name: "waves",
        version: env!("CARGO_PKG_VERSION"),
        summary: "One group of releases after the other, and not too many at once",
        reasons: &[
            ("first-wave", "the first wave goes at once"),
            ("turn", "the waves before have it, and it is this release's turn"),
            ("wave-before", "the wave before does not have the version yet"),
            ("unhealthy", "a release of the wave before has the version and is not healthy"),
            ("pause", "the wave before has not been healthy with the version for long enough"),
            ("spread", "this release's own instant within its wave has not come yet"),
            ("busy", "too many releases are changing"),
        ],
        wants: Wants { evidence: &["environments", "fleet"], ..Wants::NOTHING },
        fuel: 100_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.waves.is_empty() {
            problems.push(Problem::new("/waves", "empty", "name the waves in order, such as `[canary, all]`"));
        }
        let mut length = |key: &str, text: &Option<String>| {
            let length = text.as_deref().map_or(Some(Duration(0)), Duration::parse);
            length.unwrap_or_else(|| {
                problems.push(Problem::new(&format!("/{key}"), "bad-duration", "wanted a duration such as `30m`"));
                Duration(0)
            })
        };
        let (pause, spread) = (length("pause", &config.pause), length("spread", &config.spread));
        if config.at_once == Some(0) {
            problems.push(Problem::new("/atOnce", "zero", "nothing would ever move; leave it out for any number"));
        }
        if problems.is_empty() { Ok(Self { config, pause, spread }) } else { Err(problems) }
    }
}

/// How a release of the wave before fares, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Since(u64),
    Unhealthy,
    Absent,
}

impl PromotionRule for Waves {
    fn judge(&self, context: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let own = context.labels.iter().find(|(key, _)| *key == self.config.label).map(|(_, value)| value.as_str());
        let wave = self.wave(own);
        if self.config.at_once.is_some_and(|limit| evidence.fleet.upgrading >= limit) {
            let text = format!("{} releases are changing", evidence.fleet.upgrading);
            return Ok(hold(None, "busy", text));
        }
        let Some(before) = wave.checked_sub(1) else {
            return Ok(Verdict::Allow(Reason::new("first-wave", "the first wave goes at once")));
        };
        let mut ready = 0;
        for peer in self.peers(before, context, moves, evidence) {
            let (state, version) = moves.iter().filter_map(|one| state(one, peer)).max().unwrap_or((State::Absent, ""));
            let named = format!("{}/{}", peer.namespace, peer.name);
            match state {
                State::Absent => return Ok(hold(None, "wave-before", format!("`{named}` does not run it yet"))),
                State::Unhealthy => {
                    return Ok(hold(None, "unhealthy", format!("`{named}` runs `{version}` and is not healthy")));
                }
                State::Since(since) => ready = ready.max(since),
            }
        }
        let (paused, slot) = (ready + self.pause.0, self.slot(context.seed));
        if ready > 0 && paused > context.now {
            let text = format!("the wave before is healthy since {}; {} more", Timestamp(ready), self.pause);
            return Ok(hold(Some(paused), "pause", text));
        }
        if ready > 0 && paused + slot > context.now {
            let text =
                format!("the wave is spread over {}; this one comes at {}", self.spread, Timestamp(paused + slot));
            return Ok(hold(Some(paused + slot), "spread", text));
        }
        Ok(Verdict::Allow(Reason::new("turn", "the waves before have it")))
    }
}

impl Waves {
    fn wave(&self, label: Option<&str>) -> usize {
        let named = self.config.waves.iter().position(|wave| Some(wave.as_str()) == label);
        named.unwrap_or(self.config.waves.len().saturating_sub(1))
    }

    /// The releases of that wave in the same environment which run something of what moves.
    fn peers<'a>(
        &'a self,
        wave: usize,
        context: &'a Context,
        moves: &'a [Move],
        evidence: &'a Evidence,
    ) -> impl Iterator<Item = &'a Environment> {
        let same_environment =
            move |peer: &&Environment| context.environment.as_deref().unwrap_or_default() == peer.environment;
        let runs = move |peer: &&Environment| moves.iter().any(|one| state(one, peer).is_some());
        let peers = evidence.environments.iter().filter(same_environment).filter(runs);
        peers.filter(move |peer| self.wave(peer.labels.get(&self.config.label).map(String::as_str)) == wave)
    }

    /// The same for the same release, and evenly spread.
    fn slot(&self, seed: u64) -> u64 {
        seed.checked_rem(self.spread.0).unwrap_or_default()
    }
}

/// How a release fares with the version of a move; `None` when it runs nothing of that repository.
fn state<'a>(one: &'a Move, peer: &Environment) -> Option<(State, &'a str)> {
    let (version, since) = if one.subject == "chart" {
        let chart = peer.chart.as_ref()?;
        let same = one.repository == chart.name || one.repository.ends_with(&format!("/{}", chart.name));
        same.then_some((&chart.version, 0))?
    } else {
        let image = peer.images.iter().find(|image| image.repository == one.repository)?;
        (&image.tag, image.since)
    };
    let state = match (*version == one.to_version, peer.healthy) {
        (false, _) => State::Absent,
        (true, false) => State::Unhealthy,
        (true, true) => State::Since(since.max(peer.healthy_since)),
    };
    Some((state, &one.to_version))
}

fn hold(until: Option<u64>, code: &str, text: String) -> Verdict {
    Verdict::Hold(Hold { until, reason: Reason::new(code, text) })
}

export_policy!(Waves: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<Waves>(env!("CARGO_MANIFEST_DIR"));
    }
}
