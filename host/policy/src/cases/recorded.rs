//! Cases made of decision records.

use std::collections::BTreeMap;

use rhumb_cases::{Answered, Case, Error, File, Offer};
use rhumb_core::id::Timestamp;
use rhumb_core::judge::{Answer, Ask, Failure, Metadata, Move, Tags};
use rhumb_core::values::apply;
use serde_json::{Map, Value, json};

use super::{answered, word_of};
use crate::Record;

/// The question of a record as a case that expects what was decided. Left out is what case files do not know: digests
/// and facts of images, and the chart of a transform.
pub fn case(record: &Record) -> Result<Case, Error> {
    let (question, decision) = (record.question(), record.decision());
    let context = &question.context;
    let digest = record.digest();
    let name = format!("{}/{} at {} ({})", context.namespace, context.name, context.now, digest.short());
    let mut case = json!({
        "name": name, "config": parsed(&question.config), "now": context.now.0, "release": context.name,
        "namespace": context.namespace, "environment": context.environment, "labels": pairs(&context.labels),
        "annotations": pairs(&context.annotations), "seed": context.seed,
    });
    let mut say = |key: &str, value: Value| {
        if let Some(map) = case.as_object_mut() {
            map.insert(key.to_owned(), value);
        }
    };
    let mut found = decided(&question.ask, decision.answer.as_ref());
    let mut offers = Vec::new();
    match &question.ask {
        Ask::Shortlist { container, tags } => {
            offers = offered(tags, &Metadata::default());
            say("current", json!(container.current_tag));
            say("incomplete", json!(!tags.complete));
        }
        Ask::Select { container, tags, metadata } => {
            offers = offered(tags, metadata);
            say("current", json!(container.current_tag));
            say("incomplete", json!(!tags.complete));
        }
        Ask::Judge { moves, evidence } => {
            say("moves", moves.iter().map(moved).collect());
            say("evidence", parsed(evidence));
        }
        Ask::Transform { values, evidence, .. } => {
            let before = parsed(values);
            if let Ok(Answer::Transformation(answer)) = &decision.answer {
                found.values = apply(&before, &answer.operations).ok();
            }
            say("values", before);
            say("evidence", parsed(evidence));
        }
    }
    let mut file = File::from_value(json!({ "cases": [case] }))?;
    let mut case = file.cases.pop().expect("one case was written and none has a table");
    case.expect = found.expected();
    case.offers = offers;
    Ok(case)
}

/// What was decided, in the words of case files.
fn decided(ask: &Ask, answer: Result<&Answer, &Failure>) -> Answered {
    let name = |index: u32| match ask {
        Ask::Shortlist { tags, .. } | Ask::Select { tags, .. } => tags.get(index).unwrap_or_default().to_owned(),
        Ask::Judge { .. } | Ask::Transform { .. } => index.to_string(),
    };
    answered(answer, name)
}

fn offered(tags: &Tags, metadata: &Metadata) -> Vec<Offer> {
    let known: BTreeMap<u32, u64> =
        metadata.indices.iter().copied().zip(metadata.created.iter().map(|time| time.0)).collect();
    let offer = |((index, name), first_seen): ((u32, &str), &Timestamp)| Offer {
        name: name.to_owned(),
        created: known.get(&index).copied(),
        first_seen: first_seen.0,
    };
    (0..).zip(tags.names.split_terminator('\n')).zip(&tags.first_seen).map(offer).collect()
}

fn moved(one: &Move) -> Value {
    json!({
        "subject": one.subject, "repository": one.repository, "from": one.from_version, "to": one.to_version,
        "step": one.step.map(word_of),
    })
}

fn pairs(pairs: &[(String, String)]) -> Value {
    let map: Map<String, Value> = pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    Value::Object(map)
}

/// A JSON text of a record; one that is none is given to the policy as a text, which it was.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}
