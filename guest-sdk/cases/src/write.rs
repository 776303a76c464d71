//! A case as it stands in a file.

use serde_json::{Map, Value, json};

use crate::offers::line;
use crate::time::printed;
use crate::{Case, Move};

impl Case {
    /// The case as an item of `cases`: what it does not say is as every case has it. A sweep is left out.
    pub fn written(&self) -> Value {
        let mut case = Map::new();
        let mut say = |key: &str, value: Value, is_usual: bool| {
            if !is_usual {
                case.insert(key.to_owned(), value);
            }
        };
        say("name", json!(self.name), false);
        say("config", self.config.clone(), false);
        say("now", json!(printed(self.now.0)), self.now == crate::case::NOW);
        say("release", json!(self.release), self.release == "app");
        say("namespace", json!(self.namespace), self.namespace == "default");
        say("environment", json!(self.environment), self.environment.is_none());
        say("labels", json!(self.labels), self.labels.is_empty());
        say("annotations", json!(self.annotations), self.annotations.is_empty());
        say("seed", json!(self.seed), self.seed == 0);
        say("tags", json!(line(&self.offers)), self.offers.is_empty());
        say("current", json!(self.current), self.current.is_none());
        say("incomplete", json!(self.incomplete), !self.incomplete);
        say("moves", self.moves.iter().map(written).collect(), self.moves.is_empty());
        say("evidence", self.evidence.clone(), self.evidence.is_null());
        say("values", self.values.clone(), self.values.is_null());
        say("expect", json!(self.expect), self.expect.is_empty());
        Value::Object(case)
    }
}

fn written(one: &Move) -> Value {
    let all = [
        ("subject", Some(&one.subject)),
        ("repository", Some(&one.repository)),
        ("from", one.from.as_ref()),
        ("to", Some(&one.to)),
        ("step", one.step.as_ref()),
    ];
    let usual = |key: &str, value: &str| {
        matches!((key, value), ("subject", "app") | ("repository", "registry.example/team/app"))
    };
    let said = all.into_iter().filter_map(|(key, value)| Some((key, value?))).filter(|(key, value)| !usual(key, value));
    said.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

#[cfg(test)]
mod tests {
    use crate::File;

    #[test]
    fn what_is_written_is_read_as_the_same_case() {
        let text = "cases:\n- {name: a, config: {b: 1}, now: 2026-03-01T10:00:00Z, tags: x@10 y@-^20, current: x, \
                    incomplete: true, environment: prod, labels: {l: m}, seed: 7, expect: {outcome: none}}\n\
                    - {name: b, moves: [{from: '1', to: '2', subject: web}], evidence: {fleet: {upgrading: 1}}, \
                    values: {c: [1]}, release: web, namespace: prod, expect: {code: d}}\n";
        let file = File::parse(text).unwrap();
        let written = |file: &File| serde_json::json!({"cases": file.cases.iter().map(|case| case.written()).collect::<Vec<_>>()});
        let again = File::from_value(written(&file)).unwrap();
        assert_eq!(format!("{:?}", again.cases[0].offers), format!("{:?}", file.cases[0].offers));
        assert_eq!(written(&again), written(&file));
        assert_eq!(
            written(&file)["cases"][1]["moves"][0],
            serde_json::json!({"subject": "web", "from": "1", "to": "2"})
        );
    }
}
