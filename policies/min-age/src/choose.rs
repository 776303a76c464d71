//! The choice among images by age and order.

use std::cmp::Ordering;

use rhumb_guest_sdk::version::Version;
use rhumb_guest_sdk::{Container, Metadata, Reason, Selection, Tags, Timestamp};

use crate::{Clock, MinAge, Order};

/// How many tags a selection gives reasons for.
const CONSIDERED: usize = 20;

/// An image that may be chosen.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    index: u32,
    name: &'a str,
    version: Option<Version<'a>>,
    /// By the clock; `None` when nobody knows.
    since: Option<u64>,
}

impl MinAge {
    pub(crate) fn takes(&self, tag: &str) -> bool {
        self.pattern.takes(tag) && (self.order == Order::Newest || Version::parse(tag).is_some())
    }

    pub(crate) fn choose(&self, now: u64, container: &Container, tags: &Tags, metadata: &Metadata) -> Selection {
        if self.clock == Clock::Created && !metadata.complete {
            let text = "the current image stays until the build times of all that match are known";
            return keep("metadata-incomplete", text.to_owned());
        }
        let current_tag = container.current_tag.as_deref().unwrap_or_default();
        let mut current = None;
        let mut found = Vec::new();
        for candidate in self.candidates(tags, metadata) {
            if candidate.name == current_tag {
                current = Some(candidate);
            }
            if self.takes(candidate.name) {
                found.push(candidate);
            }
        }
        found.sort_unstable_by(|a, b| self.order(b, a).then_with(|| b.name.cmp(a.name)));
        if found.is_empty() {
            return Selection::none(Reason::new("no-match", format!("none of {} tags matches", tags.count())));
        }
        // A current tag that is gone from the registry still has a version to compare with.
        let unlisted = Candidate { index: 0, name: current_tag, version: Version::parse(current_tag), since: None };
        let current = current.unwrap_or(unlisted);
        let selection = self.decide(now, &found, &current, current_tag);
        let chosen = found.iter().find(|one| self.is_old_enough(one, now)).map(|one| one.index);
        let considered = found.iter().take(CONSIDERED);
        selection.considering(considered.map(|one| (one.index, self.why(one, chosen, now))))
    }

    fn decide(&self, now: u64, found: &[Candidate<'_>], current: &Candidate<'_>, current_tag: &str) -> Selection {
        let comparable = match self.order {
            Order::Version => current.version.is_some(),
            Order::Newest => current.since.is_some(),
        };
        let better = |one: &&Candidate<'_>| !comparable || self.order(one, current) == Ordering::Greater;
        let best = found.iter().take_while(better).find(|one| self.is_old_enough(one, now));
        if let Some(best) = best {
            // Without an order to compare by, moving could be going back.
            if !comparable && self.order == Order::Newest && !current_tag.is_empty() {
                return keep("current-unknown", format!("nobody knows when `{current_tag}` came"));
            }
            let text = format!("`{}` is {} or more old", best.name, self.age);
            return Selection::pick(best.index, Reason::new("old-enough", text));
        }
        let waiting = found.iter().take_while(better).filter_map(|one| Some((one.since? + self.age.0, one)));
        match waiting.min_by_key(|(until, one)| (*until, one.name)) {
            Some((until, one)) => {
                let text = format!("`{}` is {} old at {}", one.name, self.age, Timestamp(until));
                Selection::hold_until(until, Reason::new("too-young", text))
            }
            None if found.iter().take_while(better).next().is_some() => {
                keep("no-build-time", "what is better than the current image claims no build time".to_owned())
            }
            None => keep("up-to-date", format!("nothing is better than `{current_tag}`")),
        }
    }

    fn candidates<'a>(&self, tags: &'a Tags, metadata: &'a Metadata) -> Vec<Candidate<'a>> {
        let of = |index: u32, name: &'a str, since: Option<u64>| Candidate {
            index,
            name,
            version: Version::parse(name),
            since: since.filter(|time| *time > 0),
        };
        match self.clock {
            Clock::FirstSeen => {
                let seen = tags.iter().zip(&tags.first_seen);
                seen.map(|(tag, time)| of(tag.index, tag.name, Some(*time))).collect()
            }
            Clock::Created => {
                let names = tags.names();
                let known = metadata.created();
                known.filter_map(|(index, time)| Some(of(index, names.get(index as usize)?, time))).collect()
            }
        }
    }

    fn is_old_enough(&self, candidate: &Candidate<'_>, now: u64) -> bool {
        candidate.since.is_some_and(|since| since + self.age.0 <= now)
    }

    /// Greater is better.
    fn order(&self, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
        match (self.order, a.version, b.version) {
            (Order::Version, Some(a), Some(b)) => a.compare(&b),
            (Order::Version, a, b) => a.is_some().cmp(&b.is_some()),
            (Order::Newest, ..) => a.since.cmp(&b.since),
        }
    }

    fn why(&self, candidate: &Candidate<'_>, chosen: Option<u32>, now: u64) -> Reason {
        let Some(since) = candidate.since else { return Reason::new("no-build-time", "claims no build time") };
        let text = match self.clock {
            Clock::FirstSeen => format!("seen first {}", Timestamp(since)),
            Clock::Created => format!("built {}", Timestamp(since)),
        };
        let code = match chosen {
            Some(chosen) if chosen == candidate.index => "old-enough",
            _ if self.is_old_enough(candidate, now) => "worse",
            _ => "too-young",
        };
        Reason::new(code, text)
    }
}

fn keep(code: &str, text: String) -> Selection {
    Selection::keep_current(Reason::new(code, text))
}
