//! Properties that hold for every question, whatever the policy decides.

use rhumb_core::judge::Kind;
use rhumb_policy::cases::{Answered, BASE, Case, Offer, Time, printed};
use serde_json::Value;

/// Tags of which one is found that a filter would never take.
const BYSTANDERS: [&str; 6] = ["zzz-nobody-wants-this", "latest", "not.a.version", "0", "__", "sha256-0000.sig"];

/// Something that holds for every question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Answers,
    Repeats,
    Order,
    Bystander,
    HoldEnds,
    Idempotent,
}

/// What one question shows of a property.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// It says nothing about this question.
    NoMatter,
    Holds,
    Broken(String),
}

impl Property {
    /// The properties of a kind of policy.
    pub(super) fn of(kind: Kind) -> impl Iterator<Item = Self> {
        let own: &[Self] = match kind {
            Kind::ImageFilter => &[Self::Bystander, Self::HoldEnds],
            Kind::PromotionRule => &[Self::HoldEnds],
            Kind::ValueTransform => &[Self::Idempotent],
        };
        [Self::Answers, Self::Repeats, Self::Order].into_iter().chain(own.iter().copied())
    }

    /// One word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Repeats => "repeats",
            Self::Order => "order",
            Self::Bystander => "bystander",
            Self::HoldEnds => "hold-ends",
            Self::Idempotent => "idempotent",
        }
    }

    /// One line.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Answers => "an answer that the host takes: what was offered, times to come, declared codes",
            Self::Repeats => "the same question gives the same answer for the same fuel",
            Self::Order => "the order of tags, moves and keys does not matter",
            Self::Bystander => "one more tag that is never taken changes nothing",
            Self::HoldEnds => "asked at the end of a hold, it answers and holds no longer until then",
            Self::Idempotent => "applied to its own result it changes nothing",
        }
    }

    /// Asks what shows whether it holds for this question.
    pub(super) fn test(self, case: &Case, ask: &dyn Fn(&Case) -> Answered) -> Found {
        let answer = ask(case);
        if !answer.problems.is_empty() {
            return Found::NoMatter;
        }
        match self {
            Self::Answers => answers(&answer),
            Self::Repeats => same(&answer, &ask(case), "asked again"),
            Self::Order => order(case, &answer, ask),
            Self::Bystander => bystander(case, &answer, ask),
            Self::HoldEnds => hold_ends(case, &answer, ask),
            Self::Idempotent => idempotent(&answer),
        }
    }
}

fn answers(answer: &Answered) -> Found {
    match &answer.failure {
        // Its own result is another property's matter.
        Some((_, words)) if is_about_own_result(words) => Found::Holds,
        // It may say that it cannot decide; it may not break.
        Some((code, _)) if ["bad-input", "refused"].contains(&code.as_str()) => Found::Holds,
        Some((code, words)) if code == "bad-config" => {
            Found::Broken(format!("it takes the config when it is checked and refuses it when it is asked: {words}"))
        }
        Some((_, words)) => Found::Broken(words.clone()),
        None => match answer.wrong.iter().find(|text| !is_about_own_result(text)) {
            Some(text) => Found::Broken(text.clone()),
            None => Found::Holds,
        },
    }
}

fn idempotent(answer: &Answered) -> Found {
    let failed = answer.failure.iter().map(|(_, words)| words);
    match failed.chain(&answer.wrong).find(|text| is_about_own_result(text)) {
        Some(text) => Found::Broken(text.clone()),
        None if answer.operations.as_ref().is_some_and(|list| !list.is_empty()) => Found::Holds,
        None => Found::NoMatter,
    }
}

/// Whether the host complains about a transform that goes on.
fn is_about_own_result(text: &str) -> bool {
    text.contains("own result")
}

/// Everything but what may be said differently.
fn same(one: &Answered, other: &Answered, when: &str) -> Found {
    if one == other {
        return Found::Holds;
    }
    if one.fuel != other.fuel && said(one) == said(other) {
        return Found::Broken(format!("{when} it takes {} instead of {} fuel", other.fuel, one.fuel));
    }
    Found::Broken(format!("{when} it says {} instead of {}", said(other), said(one)))
}

/// Asked with its lists the other way round.
fn order(case: &Case, answer: &Answered, ask: &dyn Fn(&Case) -> Answered) -> Found {
    let mut turned = case.clone();
    turned.offers.reverse();
    turned.moves.reverse();
    reverse_keys(&mut turned.values);
    if case.offers.len() < 2 && case.moves.len() < 2 && !has_order(&case.values) {
        return Found::NoMatter;
    }
    let other = ask(&turned);
    compare(answer, &other, "with everything in another order")
}

fn bystander(case: &Case, answer: &Answered, ask: &dyn Fn(&Case) -> Answered) -> Found {
    let is_new =
        |name: &&&str| case.offers.iter().all(|offer| offer.name != **name) && case.current.as_deref() != Some(**name);
    let unwanted = BYSTANDERS.iter().filter(is_new).map(|name| {
        let mut alone = case.clone();
        (alone.current, alone.incomplete) = (None, false);
        alone.offers = vec![Offer { name: (*name).to_owned(), created: Some(BASE), first_seen: 0 }];
        alone
    });
    // Never taken: not even when there is nothing else.
    let Some(alone) = unwanted.into_iter().find(|alone| ask(alone).outcome.as_deref() == Some("none")) else {
        return Found::NoMatter;
    };
    let mut more = case.clone();
    let middle = more.offers.len() / 2;
    for offer in alone.offers {
        let when = format!("with the tag `{}` besides", offer.name);
        more.offers.insert(middle, offer);
        let found = compare(answer, &ask(&more), &when);
        if found != Found::Holds {
            return found;
        }
    }
    Found::Holds
}

fn hold_ends(case: &Case, answer: &Answered, ask: &dyn Fn(&Case) -> Answered) -> Found {
    let end = answer.outcome.as_deref().and_then(|outcome| {
        let time = outcome.strip_prefix("hold-until ").or_else(|| outcome.strip_prefix("hold "))?;
        serde_json::from_value::<Time>(Value::from(time)).ok()
    });
    let Some(end) = end else { return Found::NoMatter };
    if end.0 <= case.now.0 {
        return Found::Broken(format!("at {} it holds until {}", printed(case.now.0), printed(end.0)));
    }
    let mut later = case.clone();
    later.now = end;
    let then = ask(&later);
    match &then.failure {
        Some((_, words)) => Found::Broken(format!("at {}, the end of its hold, {words}", printed(end.0))),
        None => Found::Holds,
    }
}

fn compare(one: &Answered, other: &Answered, when: &str) -> Found {
    if said(one) == said(other) && one.values == other.values {
        return Found::Holds;
    }
    Found::Broken(format!("{when} it says {} instead of {}", said(other), said(one)))
}

/// What counts of an answer, in words.
fn said(answer: &Answered) -> String {
    if let Some((code, _)) = &answer.failure {
        return format!("no answer ({code})");
    }
    match (&answer.outcome, &answer.operations) {
        (Some(outcome), _) => format!("`{outcome}` ({})", answer.code.as_deref().unwrap_or_default()),
        (None, Some(operations)) => {
            let mut codes = operations.clone();
            codes.sort();
            format!("{} operations ({})", codes.len(), codes.join(" "))
        }
        (None, None) => "nothing".to_owned(),
    }
}

/// Whether there are two keys whose order could matter.
fn has_order(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.len() > 1 || map.values().any(has_order),
        Value::Array(items) => items.iter().any(has_order),
        _ => false,
    }
}

fn reverse_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let turned: Vec<(String, Value)> = std::mem::take(map).into_iter().rev().collect();
            map.extend(turned);
            map.values_mut().for_each(reverse_keys);
        }
        Value::Array(items) => items.iter_mut().for_each(reverse_keys),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_policy::cases::File;

    fn case(text: &str) -> Case {
        File::parse(&format!("cases: [{{name: a, {text}}}]")).unwrap().cases.remove(0)
    }

    fn says(outcome: impl Into<String>) -> Answered {
        Answered { outcome: Some(outcome.into()), code: Some("why".to_owned()), ..Answered::default() }
    }

    /// Takes the first that begins with an `a`: the order of the tags counts.
    fn first(case: &Case) -> Answered {
        let found = case.offers.iter().find(|offer| offer.name.starts_with('a'));
        found.map_or_else(|| says("none"), |offer| says(format!("pick {}", offer.name)))
    }

    #[test]
    fn the_order_of_tags_is_found_to_matter() {
        let found = Property::Order.test(&case("tags: a1 a2"), &first);
        assert_eq!(
            found,
            Found::Broken(
                "with everything in another order it says `pick a2` (why) instead of `pick a1` (why)".to_owned()
            )
        );
        assert_eq!(Property::Order.test(&case("tags: a1 b2"), &first), Found::Holds);
        assert_eq!(Property::Order.test(&case("tags: a1"), &first), Found::NoMatter);
    }

    #[test]
    fn a_tag_that_is_never_taken_is_found_to_matter() {
        assert_eq!(Property::Bystander.test(&case("tags: a1 b2"), &first), Found::Holds);
        let by_count = |case: &Case| if case.offers.len() == 3 { says("none") } else { first(case) };
        let found = Property::Bystander.test(&case("tags: a1 b2"), &by_count);
        assert!(matches!(&found, Found::Broken(why) if why.contains("zzz-nobody-wants-this")), "{found:?}");
    }

    #[test]
    fn answers_that_differ_from_call_to_call_are_found() {
        let count = std::cell::Cell::new(0);
        let counting = |_: &Case| {
            count.set(count.get() + 1);
            Answered { fuel: count.get(), ..says("none") }
        };
        assert_eq!(
            Property::Repeats.test(&case("tags: a"), &counting),
            Found::Broken("asked again it takes 2 instead of 1 fuel".to_owned())
        );
    }

    #[test]
    fn a_hold_that_goes_on_at_its_end_is_found() {
        let holds = |case: &Case| match case.now.0 {
            now if now <= BASE + 86_400_000 => says("hold 2026-01-02T00:00:01Z"),
            _ => {
                let words = "holds until a time that is over".to_owned();
                Answered { failure: Some(("bad-output".to_owned(), words)), ..Answered::default() }
            }
        };
        let found = Property::HoldEnds.test(&case("moves: []"), &holds);
        assert!(
            matches!(&found, Found::Broken(why) if why.starts_with("at 2026-01-02T00:00:01Z, the end")),
            "{found:?}"
        );
    }

    #[test]
    fn what_the_host_does_not_take_is_no_answer() {
        let traps =
            |_: &Case| Answered { failure: Some(("trap".to_owned(), "it trapped".to_owned())), ..Answered::default() };
        assert_eq!(Property::Answers.test(&case("tags: a"), &traps), Found::Broken("it trapped".to_owned()));
        let refuses =
            |_: &Case| Answered { failure: Some(("refused".to_owned(), "no".to_owned())), ..Answered::default() };
        assert_eq!(Property::Answers.test(&case("tags: a"), &refuses), Found::Holds);
    }
}
