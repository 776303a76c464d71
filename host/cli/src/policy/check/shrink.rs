//! The smallest question that still shows what was found.

use rhumb_policy::cases::Case;
use serde_json::Value;

/// Most questions that are tried.
const TRIES: usize = 600;

/// Takes away whatever is not needed for `still` to be true.
pub(super) fn shrunk(case: &Case, still: impl Fn(&Case) -> bool) -> Case {
    let (mut best, mut tries) = (case.clone(), 0);
    loop {
        let mut smaller = None;
        for candidate in candidates(&best) {
            tries += 1;
            if tries > TRIES {
                return best;
            }
            if still(&candidate) {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(case) => best = case,
            None => return best,
        }
    }
}

/// The same with one thing less, large things first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    let mut try_with = |change: &dyn Fn(&mut Case)| {
        let mut candidate = case.clone();
        change(&mut candidate);
        found.push(candidate);
    };
    let count = case.offers.len();
    if count > 3 {
        try_with(&|case| case.offers.truncate(count / 2));
        try_with(&|case| drop(case.offers.drain(..count / 2)));
    }
    for at in 0..count {
        try_with(&|case| drop(case.offers.remove(at)));
    }
    for at in 0..case.moves.len() {
        try_with(&|case| drop(case.moves.remove(at)));
    }
    for smaller in less(&case.evidence) {
        try_with(&|case| case.evidence = smaller.clone());
    }
    for smaller in less(&case.values) {
        try_with(&|case| case.values = smaller.clone());
    }
    for smaller in less(&case.config) {
        try_with(&|case| case.config = smaller.clone());
    }
    if !case.labels.is_empty() || !case.annotations.is_empty() {
        try_with(&|case| {
            case.labels.clear();
            case.annotations.clear();
        });
    }
    if case.environment.is_some() {
        try_with(&|case| case.environment = None);
    }
    if case.current.is_some() {
        try_with(&|case| case.current = None);
    }
    if case.incomplete {
        try_with(&|case| case.incomplete = false);
    }
    if case.seed != 0 {
        try_with(&|case| case.seed = 0);
    }
    found
}

/// Every value that is this one without one of its parts.
fn less(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(map) => {
            let mut found = Vec::new();
            for key in map.keys() {
                let mut without = map.clone();
                without.shift_remove(key);
                found.push(Value::Object(without));
            }
            for (key, below) in map {
                for smaller in less(below) {
                    let mut with = map.clone();
                    with.insert(key.clone(), smaller);
                    found.push(Value::Object(with));
                }
            }
            found
        }
        Value::Array(items) => {
            let mut found = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let mut without = items.clone();
                without.remove(at);
                found.push(Value::Array(without));
                for smaller in less(item) {
                    let mut with = items.clone();
                    if let Some(place) = with.get_mut(at) {
                        *place = smaller;
                    }
                    found.push(Value::Array(with));
                }
            }
            found
        }
        Value::String(text) if text.len() > 8 => {
            let half = text.chars().take(text.chars().count() / 2).collect::<String>();
            vec![Value::from(half)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_policy::cases::File;

    #[test]
    fn what_is_not_needed_goes() {
        let text = "cases: [{name: a, tags: a b c d e f, current: b, seed: 7, environment: prod, \
                    config: {one: 1, two: {three: [1, 2, 3]}}, expect: {outcome: none}}]";
        let case = File::parse(text).unwrap().cases.remove(0);
        let shows = |case: &Case| {
            let has_tag = case.offers.iter().any(|offer| offer.name == "d");
            has_tag && case.config.pointer("/two/three").is_some_and(|list| list.to_string().contains('3'))
        };
        assert!(shows(&case));
        let small = shrunk(&case, shows);
        assert_eq!(small.offers.len(), 1);
        assert_eq!(small.config, serde_json::json!({"two": {"three": [3]}}));
        assert_eq!((small.current, small.environment, small.seed), (None, None, 0));
    }
}
