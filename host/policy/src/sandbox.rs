//! Holds loaded policies and asks them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rhumb_core::evidence::Part;
use rhumb_core::id::{Digest, Timestamp};
use rhumb_core::judge::{Answer, Ask, Decision, Failure, Kind, Problem, Question, Reason};
use rhumb_core::policies::PolicyInfo;

use crate::admission::{self, Admitted};
use crate::allocation::Allocation;
use crate::cache::{Cache, Kept};
use crate::call::{Call, Returned, other_function};
use crate::children::Suspended;
use crate::compile::{Compiler, Store};
use crate::convert::Rules;
use crate::describe::Describe;
use crate::engine::EngineProfile;
use crate::error::LoadError;
use crate::evaluate::Unready;
use crate::isolation::{Isolation, Walls};
use crate::limits::Limits;
use crate::place::{Place, Places};
use crate::{again, json, schema};

/// How a sandbox is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where compiled code is kept; without it, every start compiles anew.
    pub cache_dir: Option<PathBuf>,
    /// What policies may use.
    pub limits: Limits,
    /// Where the memory of instances comes from.
    pub allocation: Allocation,
    /// Which process compiles and runs policies.
    pub isolation: Isolation,
}

/// Loads policies and asks them. Clones share everything.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    places: Places,
    compiler: Compiler,
    cache: Option<Cache>,
    profile: EngineProfile,
    /// Names the engine that code is made for and the rules of admission.
    made_by: Digest,
    limits: Limits,
    policies: RwLock<HashMap<Digest, Arc<Policy>>>,
}

/// A policy that can be asked.
struct Policy {
    admitted: Admitted,
    /// Declared reason codes.
    codes: BTreeSet<String>,
    /// Fuel of one call: what the policy recommends, as far as the operator allows it.
    budget: u64,
    place: Place,
    /// Configs with which a transform was found to leave its own result alone.
    settled: Mutex<HashSet<Digest>>,
}

/// A policy that was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Digest of the component, by which questions name it.
    pub digest: Digest,
    /// What it decides about.
    pub kind: Kind,
    /// Its own name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it says about itself.
    pub describe: Describe,
    /// What it imports; none of it can be called.
    pub imports: Vec<String>,
    /// Fuel of one call.
    pub budget: u64,
    /// Size in bytes.
    pub size: usize,
}

impl Loaded {
    /// What decisions see of it.
    pub fn info(&self) -> PolicyInfo {
        PolicyInfo {
            component: self.digest.clone(),
            kind: self.kind,
            wants_metadata: self.describe.wants.metadata(),
            evidence: Part::among(&self.describe.wants.evidence),
        }
    }
}

impl Sandbox {
    /// Starts the engine, or the first of the processes that have one.
    pub fn new(options: Options) -> Result<Self, LoadError> {
        let Options { cache_dir, limits, allocation, isolation } = options;
        let cache = cache_dir.as_deref().map(Cache::open).transpose();
        let cache = cache.map_err(|(path, source)| LoadError::Cache { path: path.display().to_string(), source })?;
        let compiler = match &isolation {
            Isolation::InProcess => Compiler::here()?,
            Isolation::CompileApart(program) | Isolation::Process(program) => Compiler::Apart(program.clone()),
        };
        let places = Places::start(isolation, allocation, &limits)?;
        let (profile, policies) = (EngineProfile::of_this_build(), RwLock::default());
        let (code, rules) = (profile.code(), admission::rules());
        let made_by = Digest::of_parts([code.as_str().as_bytes(), rules.as_str().as_bytes()]);
        Ok(Self { inner: Arc::new(Inner { places, compiler, cache, profile, made_by, limits, policies }) })
    }

    /// Takes a component in: looks at it, compiles it, and checks that it describes itself truly. What was kept of these
    /// bytes by the same rules is neither looked at nor compiled again.
    ///
    /// Loading the same bytes again costs their digest.
    pub fn load(&self, bytes: &[u8]) -> Result<Loaded, LoadError> {
        let limit = self.inner.limits.component_bytes;
        if bytes.len() > limit {
            return Err(LoadError::TooLarge { bytes: bytes.len(), limit });
        }
        let digest = Digest::of(bytes);
        let policy = match self.policy(&digest) {
            Some(policy) => policy,
            None => {
                let policy = Arc::new(self.prepare(&digest, bytes)?);
                self.require_truth(&policy)?;
                let mut policies = self.inner.policies.write().unwrap_or_else(PoisonError::into_inner);
                policies.insert(digest.clone(), Arc::clone(&policy));
                policy
            }
        };
        let Admitted { describe, imports, .. } = policy.admitted.clone();
        Ok(Loaded {
            digest,
            kind: describe.kind,
            name: describe.name.clone(),
            version: describe.version.clone(),
            describe,
            imports,
            budget: policy.budget,
            size: bytes.len(),
        })
    }

    /// Whether a config can be used: first by the policy's schema, then by the policy itself.
    pub fn check_config(&self, component: &Digest, config: &str) -> Result<(), Vec<Problem>> {
        let limits = &self.inner.limits;
        let whole = |code: &str, message: String| {
            vec![Problem { pointer: String::new(), reason: Reason { code: code.to_owned(), message } }]
        };
        let Some(policy) = self.policy(component) else {
            return Err(whole("unavailable", unknown(component)));
        };
        let value = json::parse(config, limits.answer.json_depth).map_err(|text| whole("invalid-json", text))?;
        let problems = schema::check(&policy.admitted.describe.config, &value);
        if !problems.is_empty() {
            return Err(problems);
        }
        let rules = Rules { limits: &limits.answer, codes: &policy.codes, now: Timestamp(0), offered: 0 };
        let checked = match self.run_one(&policy, Call::CheckConfig(config)).0 {
            Ok(Returned::CheckConfig(problems)) => rules.problems(problems),
            Ok(_) => Err(other_function()),
            Err(failure) => Err(failure),
        };
        match checked {
            Ok(problems) if problems.is_empty() => Ok(()),
            Ok(problems) => Err(problems),
            Err(failure) => Err(whole(failure.code(), failure.to_string())),
        }
    }

    /// Asks one question.
    pub fn decide(&self, question: &Question) -> Decision {
        let mut decisions = self.decide_all(&question.component, &[question]);
        decisions.pop().unwrap_or_else(|| failed(Failure::Unavailable("no answer".to_owned())))
    }

    /// Asks several questions and keeps each beside its decision. Policies do not wait for one another.
    pub fn judge<K: Ord>(&self, questions: BTreeMap<K, Question>) -> BTreeMap<K, (Question, Decision)> {
        let mut groups: BTreeMap<&Digest, Vec<&Question>> = BTreeMap::new();
        for question in questions.values() {
            groups.entry(&question.component).or_default().push(question);
        }
        let asked = |(component, group): (&Digest, Vec<&Question>)| {
            let decisions = self.decide_all(component, &group);
            (component.clone(), decisions.into_iter())
        };
        let mut answered: BTreeMap<Digest, std::vec::IntoIter<Decision>> = match &self.inner.places {
            Places::Children(_) if groups.len() > 1 => std::thread::scope(|scope| {
                let threads: Vec<_> = groups.into_iter().map(|group| scope.spawn(|| asked(group))).collect();
                threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
            }),
            _ => groups.into_iter().map(asked).collect(),
        };
        let of = |(key, question): (K, Question)| {
            let decision = answered.get_mut(&question.component).and_then(Iterator::next);
            let none = || failed(Failure::Internal("the thread that asked it panicked".to_owned()));
            (key, (question, decision.unwrap_or_else(none)))
        };
        questions.into_iter().map(of).collect()
    }

    /// Bytes of linear memory that a question takes at its largest; `None` where other processes evaluate, and for a
    /// policy that is not loaded.
    pub fn peak_memory(&self, question: &Question) -> Option<u64> {
        let policy = self.policy(&question.component)?;
        self.require_kind(&policy, question).ok()?;
        let call = Call::of(question).ok()?;
        self.inner.places.peak_memory(&self.inner.limits, &policy.place, call)
    }

    /// What besides a question a decision can depend on.
    pub fn profile(&self) -> &EngineProfile {
        &self.inner.profile
    }

    /// The limits that every call has.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The walls around the processes that evaluate; none when this process does.
    pub fn walls(&self) -> Option<&Walls> {
        self.inner.places.walls()
    }

    /// Whether a policy is left alone for a while, as it ended the process that runs it again and again.
    pub fn suspended(&self, component: &Digest) -> Option<Suspended> {
        self.inner.places.suspended(component)
    }

    fn policy(&self, component: &Digest) -> Option<Arc<Policy>> {
        self.inner.policies.read().unwrap_or_else(PoisonError::into_inner).get(component).cloned()
    }

    /// Admits and compiles a component, or takes what was kept of it, and makes it ready where it will run.
    fn prepare(&self, digest: &Digest, bytes: &[u8]) -> Result<Policy, LoadError> {
        let Inner { compiler, cache, made_by, limits, .. } = &*self.inner;
        let key = Digest::of_parts([digest.as_str().as_bytes(), made_by.as_str().as_bytes()]);
        let store = Store { compiler, cache: cache.as_ref(), limits, key };
        if let Some(kept) = store.kept() {
            match self.ready(digest, kept)? {
                Ok(policy) => return Ok(policy),
                // Such as code for a processor that this one is not.
                Err(unready) => tracing::warn!(%digest, ?unready, "compiled anew: what was kept is of no use here"),
            }
        }
        Ok(self.ready(digest, store.make(bytes)?)??)
    }

    fn ready(&self, digest: &Digest, kept: Kept) -> Result<Result<Policy, Unready>, LoadError> {
        let (Inner { places, limits, .. }, Kept { admitted, code }) = (&*self.inner, kept);
        let budget = admitted.describe.fuel.min(limits.fuel);
        let place = places.prepare(limits, digest, (admitted.describe.kind, budget), &code)?;
        let codes = admitted.describe.codes();
        Ok(place.map(|place| Policy { admitted, codes, budget, place, settled: Mutex::default() }))
    }

    /// Runs `describe` and compares it with what the custom section says.
    fn require_truth(&self, policy: &Policy) -> Result<(), LoadError> {
        match self.run_one(policy, Call::Describe).0 {
            Ok(Returned::Describe(said)) if said == policy.admitted.section => Ok(()),
            Ok(Returned::Describe(_)) => Err(LoadError::LyingDescription),
            Ok(_) => Err(LoadError::Describe(other_function())),
            Err(failure) => Err(LoadError::Describe(failure)),
        }
    }

    /// Asks questions of one component, in order.
    fn decide_all(&self, component: &Digest, questions: &[&Question]) -> Vec<Decision> {
        let Some(policy) = self.policy(component) else {
            let unavailable = |_: &&Question| failed(Failure::Unavailable(unknown(component)));
            return questions.iter().map(unavailable).collect();
        };
        let (mut calls, mut refused) = (Vec::with_capacity(questions.len()), Vec::with_capacity(questions.len()));
        for question in questions {
            let call = self.require_kind(&policy, question).and_then(|()| Call::of(question));
            refused.push(call.map(|call| calls.push(call)).err());
        }
        let mut outcomes = self.inner.places.run(&self.inner.limits, &policy.place, policy.budget, calls).into_iter();
        let decide = |(question, refused): (&&Question, Option<Failure>)| {
            if let Some(failure) = refused {
                return failed(failure);
            }
            let Some((returned, fuel)) = outcomes.next() else {
                return failed(Failure::Internal("a call without an outcome".to_owned()));
            };
            let answer = returned.and_then(|returned| returned.answer(&question.ask, &self.rules(&policy, question)));
            Decision { answer: answer.and_then(|answer| self.settled(&policy, question, answer)), fuel }
        };
        questions.iter().zip(refused).map(decide).collect()
    }

    /// Runs a transform on its own result once for each config: a transform that goes on would change a release each
    /// time somebody looks.
    fn settled(&self, policy: &Policy, question: &Question, answer: Answer) -> Result<Answer, Failure> {
        let Some(second) = again::question(question, &answer) else { return Ok(answer) };
        let config = Digest::of(&question.config);
        let seen = || policy.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if seen().contains(&config) {
            return Ok(answer);
        }
        let returned = Call::of(&second).and_then(|call| self.run_one(policy, call).0);
        let second_answer = returned.and_then(|returned| returned.answer(&second.ask, &self.rules(policy, &second)));
        again::require_nothing(second_answer)?;
        seen().insert(config);
        Ok(answer)
    }

    fn rules<'a>(&'a self, policy: &'a Policy, question: &Question) -> Rules<'a> {
        let offered = match &question.ask {
            Ask::Shortlist { tags, .. } | Ask::Select { tags, .. } => tags.len(),
            Ask::Judge { .. } | Ask::Transform { .. } => 0,
        };
        Rules { limits: &self.inner.limits.answer, codes: &policy.codes, now: question.context.now, offered }
    }

    fn require_kind(&self, policy: &Policy, question: &Question) -> Result<(), Failure> {
        let (is, asked) = (policy.admitted.describe.kind, question.ask.kind());
        if is == asked {
            return Ok(());
        }
        let text = format!("`{}` is of kind {}, not {}", question.policy, is.as_str(), asked.as_str());
        Err(Failure::Unavailable(text))
    }

    fn run_one(&self, policy: &Policy, call: Call<'_>) -> crate::call::Outcome {
        let mut outcomes = self.inner.places.run(&self.inner.limits, &policy.place, policy.budget, vec![call]);
        outcomes.pop().unwrap_or_else(|| (Err(Failure::Internal("a call without an outcome".to_owned())), 0))
    }
}

fn failed(failure: Failure) -> Decision {
    Decision { answer: Err(failure), fuel: 0 }
}

fn unknown(component: &Digest) -> String {
    format!("no policy with the digest {component} is loaded")
}
