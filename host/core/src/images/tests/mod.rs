//! Tests of the images loop: fixture text → view → plan, printed.

mod by_hand;
mod commits;
mod decisions;
mod gates;
mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::evidence::{Evidence, Part};
use crate::id::{Digest, Revision, Timestamp};
use crate::judge::{Answer, Ask, Consideration, Failure, Kind, Outcome, Reason, Selection, Tags, Verdict};
use crate::manifest::{File, load};
use crate::policies::{Policies, PolicyInfo};

const NOW: Timestamp = Timestamp(1_000);

/// A world of files, repositories and policies. The policies answer as their names say.
struct World {
    view: ImagesView,
}

impl World {
    /// These files (`path`, text), with the tags `1`, `2` and `3` in every repository that they use.
    fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File { path: (*path).to_owned(), data: text.as_bytes().to_vec() });
        let evidence = BTreeSet::new();
        let info = |kind, wants_metadata| PolicyInfo {
            component: Digest::of("component"),
            kind,
            wants_metadata,
            evidence: evidence.clone(),
        };
        let filters = ["glob", "semver", "regexp", "keep", "none", "wait", "fail", "lie"];
        let rules = ["allow", "deny", "hold", "hold-on", "ask", "observe", "trap"];
        let filters = filters.map(|name| (PolicyName::new(name), info(Kind::ImageFilter, false)));
        let rules = rules.map(|name| (PolicyName::new(name), info(Kind::PromotionRule, false)));
        let fleet = BTreeSet::from([Part::Fleet]);
        let others = [
            (PolicyName::new("one-by-one"), PolicyInfo { evidence: fleet, ..info(Kind::PromotionRule, false) }),
            (PolicyName::new("newest"), info(Kind::ImageFilter, true)),
            (PolicyName::new("sizing"), info(Kind::ValueTransform, false)),
        ];
        let view = ImagesView {
            head: Revision::new("0123456789abcdef0123456789abcdef01234567"),
            now: NOW,
            files: files.map(|file| (file.path.clone(), file)).collect(),
            workloads: Vec::new(),
            repositories: BTreeMap::new(),
            policies: Policies::new(filters.into_iter().chain(rules).chain(others).collect(), Ok(BTreeMap::new())),
            metadata: BTreeMap::new(),
            unread: BTreeMap::new(),
            evidence: Evidence::default(),
            bound: Ok(Vec::new()),
            last: crate::policies::Last::default(),
        };
        let mut world = Self { view };
        world.read();
        world
    }

    /// Reads the files again, as the next pass does.
    fn read(&mut self) {
        let files: Vec<File> = self.view.files.values().cloned().collect();
        self.view.workloads = workloads(&load(&files));
        for slot in self.view.workloads.iter().flat_map(|workload| &workload.slots) {
            let tags =
                Tags { names: "1\n2\n3\n".to_owned(), first_seen: vec![NOW; 3], moves: vec![0; 3], complete: true };
            self.view.repositories.entry(slot.image.repository()).or_insert(Scan::Listed(Arc::new(tags)));
        }
    }

    /// Asks in three rounds.
    fn verdicts(&self) -> Verdicts {
        let mut verdicts = Verdicts::default();
        verdicts.shortlists = asked(shortlists(&self.view));
        verdicts.selections = asked(selections(&self.view, &verdicts));
        promoted(&self.view, &mut verdicts);
        verdicts
    }

    fn plan(&self) -> Plan {
        plan(&self.view, &self.verdicts())
    }

    /// Makes the commit that this plan asks for.
    fn commit(&mut self, plan: &Plan) {
        for Action::Commit { files, .. } in &plan.actions {
            for file in files {
                assert_ne!(self.view.files.insert(file.path.clone(), file.clone()).as_ref(), Some(file));
            }
        }
        self.read();
    }
}

/// Asks the third round, turn after turn.
fn promoted(view: &ImagesView, verdicts: &mut Verdicts) {
    let mut promotions = Promotions::new(view, verdicts);
    while let Some(questions) = promotions.next(verdicts) {
        verdicts.promotions.extend(asked(questions));
    }
}

fn asked<K: Ord>(questions: BTreeMap<K, Question>) -> BTreeMap<K, (Question, Decision)> {
    let answered = questions.into_iter().map(|(key, question)| {
        let answer = answer(&question);
        (key, (question, Decision { answer, fuel: 10 }))
    });
    answered.collect()
}

fn reason(message: &str) -> Reason {
    Reason { code: "test".to_owned(), message: message.to_owned() }
}

/// Filters pick the last tag, or the one that their pattern names.
fn answer(question: &Question) -> Result<Answer, Failure> {
    match (&question.ask, question.policy.as_str()) {
        (Ask::Shortlist { tags, .. }, _) if question.config.contains("slow") => {
            let _tags = tags;
            Err(Failure::OutOfFuel { budget: 5 })
        }
        (Ask::Shortlist { .. }, _) => Ok(Answer::Shortlist(vec![2, 0])),
        (Ask::Select { .. }, "fail") => Err(Failure::OutOfFuel { budget: 5 }),
        (Ask::Select { .. }, "lie") => Ok(Answer::Shortlist(vec![0])),
        (Ask::Select { tags, .. }, name) => {
            let wanted = tags.iter().position(|tag| question.config.contains(&format!("\"{tag}\"")));
            let index = u32::try_from(wanted.unwrap_or(tags.len() - 1)).unwrap();
            let outcome = match name {
                "keep" => Outcome::KeepCurrent,
                "none" => Outcome::None,
                "wait" => Outcome::HoldUntil(Timestamp(61_000)),
                _ => Outcome::Pick(index),
            };
            let looked_at = [index, 0, 9_999].map(|index| Consideration { index, reason: reason("looked at") });
            Ok(Answer::Selection(Selection { outcome, reason: reason(name), considered: looked_at.to_vec() }))
        }
        (_, name) => Ok(Answer::Verdict(match name {
            "allow" => Verdict::Allow(reason("fine")),
            "deny" => Verdict::Deny(reason("never")),
            "hold" => Verdict::Hold { until: Some(Timestamp(121_000)), reason: reason("too fresh") },
            "hold-on" => Verdict::Hold { until: None, reason: reason("not in staging") },
            // At most one release of the cluster at a time.
            "one-by-one" => {
                let Ask::Judge { evidence, .. } = &question.ask else { panic!() };
                match evidence.contains(r#""upgrading":0"#) {
                    true => Verdict::Allow(reason("its turn")),
                    false => Verdict::Hold { until: None, reason: reason("busy") },
                }
            }
            "ask" => Verdict::RequireApproval { reason: reason("ask"), quorum: 1, groups: Vec::new(), expires: None },
            "observe" => Verdict::Observe(reason("shadow")),
            _ => return Err(Failure::Trap("unreachable".to_owned())),
        })),
    }
}

/// The plan as a table: each row with its decision, the commit with its changed lines, and the next wake.
fn print(world: &World, plan: &Plan) -> String {
    let mut text = String::new();
    for row in &plan.rows {
        let decided = match &row.decided {
            Decided::Update { to, reason } => format!("→ {to}: {}", reason.message),
            Decided::Keep(kept) => format!("kept: {kept}"),
        };
        let _ = writeln!(text, "{}:{} {} {} [{}] {decided}", row.file, row.line, row.container, row.image, row.filter);
    }
    for Action::Commit { files, message, .. } in &plan.actions {
        let _ = writeln!(text, "commit: {}", message.trim_end().replace('\n', "\n  "));
        for file in files {
            let before = String::from_utf8_lossy(&world.view.files[&file.path].data).into_owned();
            let after = String::from_utf8_lossy(&file.data).into_owned();
            let changed = before.lines().zip(after.lines()).filter(|(before, after)| before != after);
            changed.for_each(|(before, after)| text.push_str(&format!("-{before}\n+{after}\n")));
        }
    }
    if let Some(wake) = plan.wake {
        let _ = writeln!(text, "wake: {wake}");
    }
    text
}

fn check(files: &[(&str, &str)]) -> String {
    let world = World::new(files);
    print(&world, &world.plan())
}

/// An automated HelmRelease of this name with more annotations and these values, both as flow YAML.
fn release(name: &str, annotations: &str, values: &str) -> String {
    format!(
        "---\napiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: dev\n  \
         annotations: {{fluxcd.io/automated: 'true', {annotations}}}\nspec:\n  values: {values}\n"
    )
}
