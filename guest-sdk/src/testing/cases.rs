//! Case files: `cases/*.json` beside a policy's `Cargo.toml`, in the format of `wit/cases.schema.json`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::testing::{BASE, Filter, context};
use crate::{
    Change, Chart, Context, Evidence, Failure, ImageFilter, Move, Policy, PromotionRule, Transformation,
    ValueTransform, Verdict, glue,
};

/// One file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(default, rename = "about")]
    _about: String,
    cases: Vec<Case>,
}

/// One question and what is expected of the answer.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    config: Value,
    now: Option<u64>,
    environment: Option<String>,
    tags: Option<String>,
    current: Option<String>,
    #[serde(default)]
    incomplete: bool,
    #[serde(default)]
    moves: Vec<CaseMove>,
    #[serde(default)]
    evidence: Value,
    values: Option<Value>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseMove {
    subject: String,
    repository: String,
    from: Option<String>,
    to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// `pick TAG`, `keep-current`, `none`, `hold-until MILLIS`; `allow`, `deny`, `hold`, `hold MILLIS`,
    /// `require-approval N`, `observe`.
    outcome: Option<String>,
    code: Option<String>,
    shortlist: Option<String>,
    /// Pointers to what is wrong with the config.
    problems: Option<Vec<String>>,
    /// A failure's word, such as `bad-input`.
    failure: Option<String>,
    /// Values after the operations.
    values: Option<Value>,
    /// Codes of the operations in order.
    operations: Option<Vec<String>>,
}

/// Runs an image filter on every case of its folder.
///
/// # Panics
///
/// When an answer is not what a case expects, or a file is not a case file.
pub fn filter_cases<P: ImageFilter>(manifest_dir: &str) {
    each::<P>(manifest_dir, |case| {
        let mut filter = Filter::<P>::new(&case.config.to_string()).tags(case.tags.as_deref().unwrap_or_default());
        filter.context = case.context();
        filter.container.current_tag.clone_from(&case.current);
        if case.incomplete {
            filter = filter.incomplete();
        }
        if let Some(expected) = &case.expect.shortlist {
            assert_eq!(filter.shortlist().map(|names| names.join(" ")).as_ref(), Ok(expected), "shortlist");
        }
        let answer = filter.ask();
        match (&case.expect.outcome, &case.expect.code) {
            (Some(outcome), Some(code)) => filter.decides(outcome, code),
            (Some(outcome), None) => {
                assert_eq!(answer.as_ref().map(|found| filter.print(&found.outcome)).as_ref(), Ok(outcome));
            }
            (None, _) => {}
        }
        case.check_failure(answer.as_ref().err());
    });
}

/// Runs a promotion rule on every case of its folder.
///
/// # Panics
///
/// When an answer is not what a case expects, or a file is not a case file.
pub fn rule_cases<P: PromotionRule>(manifest_dir: &str) {
    each::<P>(manifest_dir, |case| {
        let moves: Vec<Move> = case.moves.iter().map(CaseMove::to_move).collect();
        let answer = glue::judge::<P>(&case.context(), &case.config.to_string(), &moves, &case.evidence().to_string());
        if let Ok(verdict) = &answer {
            let (outcome, code) = print(verdict);
            assert_eq!(Some(&outcome), case.expect.outcome.as_ref());
            case.check_code::<P>(&code);
        }
        case.check_failure(answer.as_ref().err());
    });
}

/// Runs a value transform on every case of its folder; applied to its own result it must change nothing.
///
/// # Panics
///
/// When an answer is not what a case expects, or a file is not a case file.
pub fn transform_cases<P: ValueTransform>(manifest_dir: &str) {
    each::<P>(manifest_dir, |case| {
        let chart = Chart { name: "app".to_owned(), version: "1.0.0".to_owned(), app_version: None };
        let (config, evidence) = (case.config.to_string(), case.evidence().to_string());
        let ask = |values: &Value| glue::apply::<P>(&case.context(), &config, &chart, &values.to_string(), &evidence);
        let before = case.values.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let answer = ask(&before);
        if let Ok(found) = &answer {
            let codes: Vec<&str> = found.operations.iter().map(|one| one.reason.code.as_str()).collect();
            for code in &codes {
                assert!(declared::<P>(code), "reason code `{code}` is not declared");
            }
            if let Some(expected) = &case.expect.operations {
                assert_eq!(&codes, expected);
            }
            let after = patched(before, found);
            if let Some(expected) = &case.expect.values {
                assert_eq!(&after, expected);
            }
            let again = ask(&after).map(|found| found.operations.len());
            assert_eq!(again, Ok(0), "applied to its own result it changes something");
        }
        case.check_failure(answer.as_ref().err());
    });
}

/// Applies operations to values, as a host does.
///
/// # Panics
///
/// When a pointer leads nowhere.
pub(super) fn patched(mut values: Value, transformation: &Transformation) -> Value {
    for operation in &transformation.operations {
        let new = match &operation.change {
            Change::Set(text) => Some(serde_json::from_str(text).expect("a transform writes JSON")),
            Change::Remove => None,
            Change::CopyFrom(from) => Some(values.pointer(from).expect("a copy comes from somewhere").clone()),
            Change::MoveFrom(from) => Some(take(&mut values, from).expect("a move comes from somewhere")),
        };
        match new {
            Some(new) => put(&mut values, &operation.path, new),
            None => drop(take(&mut values, &operation.path)),
        }
    }
    values
}

fn take(values: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    values.pointer_mut(parent)?.as_object_mut()?.shift_remove(&unescaped(key))
}

fn put(values: &mut Value, pointer: &str, new: Value) {
    let mut at = values;
    for key in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        let map = at.as_object_mut().expect("it was made one");
        at = map.entry(unescaped(key)).or_insert(Value::Null);
    }
    *at = new;
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn each<P: Policy>(manifest_dir: &str, check: impl Fn(&Case)) {
    let mut count = 0;
    for path in files(&Path::new(manifest_dir).join("cases")) {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in &file.cases {
            // A failed assertion shows its own line only; this says which case it was.
            println!("{}: {}", path.display(), case.name);
            let problems = glue::check_config::<P>(&case.config.to_string());
            let found: Vec<&String> = problems.iter().map(|problem| &problem.pointer).collect();
            assert_eq!(found, case.expect.problems.iter().flatten().collect::<Vec<_>>(), "{problems:?}");
            if problems.is_empty() {
                check(case);
            }
            count += 1;
        }
    }
    assert!(count > 0, "no case found in {manifest_dir}/cases");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    paths.sort();
    paths
}

impl Case {
    fn context(&self) -> Context {
        let mut context = context(self.now.unwrap_or(BASE + 86_400_000));
        context.environment.clone_from(&self.environment);
        context
    }

    fn evidence(&self) -> Value {
        if self.evidence.is_null() { serde_json::json!(Evidence::default()) } else { self.evidence.clone() }
    }

    fn check_code<P: Policy>(&self, code: &str) {
        assert!(declared::<P>(code), "reason code `{code}` is not declared");
        if let Some(expected) = &self.expect.code {
            assert_eq!(code, expected);
        }
    }

    fn check_failure(&self, failure: Option<&Failure>) {
        let word = failure.map(|failure| match failure {
            Failure::BadConfig(_) => "bad-config",
            Failure::BadInput(_) => "bad-input",
            Failure::Refused(_) => "refused",
            Failure::Internal(_) => "internal",
        });
        assert_eq!(word, self.expect.failure.as_deref(), "{failure:?}");
    }
}

impl CaseMove {
    fn to_move(&self) -> Move {
        Move {
            subject: self.subject.clone(),
            repository: self.repository.clone(),
            from_version: self.from.clone(),
            to_version: self.to.clone(),
            to_digest: None,
            step: None,
        }
    }
}

fn declared<P: Policy>(code: &str) -> bool {
    P::ABOUT.reasons.iter().any(|reason| reason.0 == code)
}

fn print(verdict: &Verdict) -> (String, String) {
    let (outcome, reason) = match verdict {
        Verdict::Allow(reason) => ("allow".to_owned(), reason),
        Verdict::Deny(reason) => ("deny".to_owned(), reason),
        Verdict::Observe(reason) => ("observe".to_owned(), reason),
        Verdict::Hold(hold) => (hold.until.map_or("hold".to_owned(), |until| format!("hold {until}")), &hold.reason),
        Verdict::RequireApproval(approval) => (format!("require-approval {}", approval.quorum), &approval.reason),
    };
    (outcome, reason.code.clone())
}
