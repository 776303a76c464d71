//! An image filter asked about tags that are given in one line.

use std::fmt::Write as _;
use std::marker::PhantomData;

use rhumb_cases::{Answered, Case, Offer, offers};

use crate::testing::{BASE, context};
use crate::{Container, Context, Failure, ImageFilter, Metadata, Outcome, Selection, Tags, glue};

/// An image filter with a config, and what it is asked about.
///
/// Tags stand in one line, separated by spaces: `dev-a@10` was built 10 s after the [`BASE`], `dev-b@-` claims no
/// build time, the metadata of `dev-c@?` is not there yet, `dev-d` was built one second after the tag before it, and
/// `dev-e^20` was seen first 20 s after the [`BASE`].
pub struct Filter<P> {
    config: String,
    /// Changed freely by tests.
    pub context: Context,
    /// Changed freely by tests.
    pub container: Container,
    offers: Vec<Offer>,
    complete: bool,
    policy: PhantomData<P>,
}

impl<P: ImageFilter> Filter<P> {
    /// A filter with this config, as JSON.
    pub fn new(config: &str) -> Self {
        let container = Container {
            name: "app".to_owned(),
            repository: "registry.example/team/app".to_owned(),
            current_tag: None,
            current_digest: None,
            current_since: 0,
        };
        let context = context(BASE + 86_400_000);
        Self { config: config.to_owned(), context, container, offers: Vec::new(), complete: true, policy: PhantomData }
    }

    /// The tags on offer, in one line.
    #[must_use]
    pub fn tags(mut self, line: &str) -> Self {
        self.offers = offers(line).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// The question of a case.
    pub(super) fn of(case: &Case) -> Self {
        let mut filter = Self::new(&case.config.to_string());
        filter.offers.clone_from(&case.offers);
        filter.container.current_tag.clone_from(&case.current);
        filter.complete = !case.incomplete;
        filter
    }

    /// The same tags in another order.
    pub(super) fn reorder(&mut self, order: &str) {
        match order {
            "reversed" => self.offers.reverse(),
            _ if self.offers.len() > 2 => self.offers.rotate_left(1),
            _ => {}
        }
    }

    /// The tag in git now.
    #[must_use]
    pub fn current(mut self, tag: &str) -> Self {
        self.container.current_tag = Some(tag.to_owned());
        self
    }

    /// The registry did not give its complete list.
    #[must_use]
    pub fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }

    /// Asserts that this tag is picked, with this reason code, whatever the order of the tags.
    pub fn picks(self, tag: &str, code: &str) {
        self.decides(&format!("pick {tag}"), code);
    }

    /// Asserts an outcome (`pick TAG`, `keep-current`, `none`, `hold-until TIME` in RFC 3339) with this reason code, whatever
    /// the order of the tags.
    pub fn decides(self, outcome: &str, code: &str) {
        let mut filter = self;
        for order in ["as given", "reversed", "rotated"] {
            let selection = filter.ask().unwrap_or_else(|failure| panic!("no decision: {failure:?}"));
            let found = filter.print(&selection.outcome);
            assert_eq!(
                (found.as_str(), selection.reason.code.as_str()),
                (outcome, code),
                "tags {order}: {selection:?}"
            );
            filter.reorder(if order == "as given" { "reversed" } else { "rotated" });
        }
    }

    /// The names on the shortlist, best first.
    pub fn shortlist(&self) -> Result<Vec<String>, Failure> {
        let indices = glue::shortlist::<P>(&self.context, &self.config, &self.container, &self.offered())?;
        Ok(indices.into_iter().map(|index| self.name(index)).collect())
    }

    /// Asks as a host does: the shortlist first when the policy wants metadata, then the choice.
    pub fn ask(&self) -> Result<Selection, Failure> {
        let tags = self.offered();
        let wants = P::ABOUT.wants;
        let metadata = if wants.created || wants.digests || !wants.facts.is_empty() {
            let shortlist = glue::shortlist::<P>(&self.context, &self.config, &self.container, &tags)?;
            let offer = |index: &u32| self.offers.get(*index as usize).and_then(|offer| offer.created);
            let known: Vec<u32> = shortlist.iter().copied().filter(|index| offer(index).is_some()).collect();
            let created = known.iter().filter_map(offer).collect();
            let complete = known.len() == shortlist.len();
            Metadata { indices: known, created, digests: None, facts: None, complete }
        } else {
            Metadata { indices: Vec::new(), created: Vec::new(), digests: None, facts: None, complete: true }
        };
        let selection = glue::select::<P>(&self.context, &self.config, &self.container, &tags, &metadata)?;
        let declared = |code: &str| P::ABOUT.reasons.iter().any(|reason| reason.0 == code);
        let codes = selection.considered.iter().map(|one| &one.reason.code).chain([&selection.reason.code]);
        for code in codes {
            assert!(declared(code), "reason code `{code}` is not declared");
        }
        Ok(selection)
    }

    fn offered(&self) -> Tags {
        let mut names = String::new();
        for offer in &self.offers {
            let _ = writeln!(names, "{}", offer.name);
        }
        let count = self.offers.len();
        Tags {
            names,
            first_seen: self.offers.iter().map(|offer| offer.first_seen).collect(),
            moves: vec![0; count],
            complete: self.complete,
        }
    }

    pub(super) fn name(&self, index: u32) -> String {
        self.offers.get(index as usize).map_or_else(|| format!("#{index}"), |offer| offer.name.clone())
    }

    pub(super) fn print(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Pick(index) => format!("pick {}", self.name(*index)),
            Outcome::KeepCurrent => "keep-current".to_owned(),
            Outcome::None => "none".to_owned(),
            Outcome::HoldUntil(time) => Answered::until("hold-until", Some(*time)),
        }
    }
}
