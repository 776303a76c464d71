//! Holds loaded policies and asks them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rhumb_core::id::{Digest, Timestamp};
use rhumb_core::judge::{Answer, Ask, Decision, Failure, Kind, Problem, Question, Reason};

use crate::admission::admit;
use crate::allocation::Allocation;
use crate::cache::Cache;
use crate::call::{Functions, Ready};
use crate::compile::compile;
use crate::contract;
use crate::convert::{self, Rules};
use crate::describe::Describe;
use crate::engine::{EngineProfile, Runtime};
use crate::error::{Engine, LoadError};
use crate::limits::Limits;
use crate::{json, schema};

/// How a sandbox is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where compiled code is kept; without it, every start compiles anew.
    pub cache_dir: Option<PathBuf>,
    /// What policies may use.
    pub limits: Limits,
    /// Where the memory of instances comes from.
    pub allocation: Allocation,
}

/// Loads policies and asks them. Clones share everything.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Runtime,
    cache: Option<Cache>,
    limits: Limits,
    policies: RwLock<HashMap<Digest, Arc<Ready>>>,
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

impl Sandbox {
    /// Starts the engine.
    pub fn new(options: Options) -> Result<Self, LoadError> {
        let runtime =
            Runtime::start(options.allocation, &options.limits).map_err(|error| LoadError::Compile(Engine(error)))?;
        let cache = options.cache_dir.as_deref().map(Cache::open).transpose();
        let cache = cache.map_err(|(path, source)| LoadError::Cache { path: path.display().to_string(), source })?;
        let inner = Inner { runtime, cache, limits: options.limits, policies: RwLock::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes a component in: looks at it, compiles it, and checks that it describes itself truly.
    ///
    /// Loading the same bytes again costs a look at them.
    pub fn load(&self, bytes: &[u8]) -> Result<Loaded, LoadError> {
        let Inner { runtime, cache, limits, policies } = &*self.inner;
        let admitted = admit(bytes, limits.component_bytes)?;
        let digest = Digest::of(bytes);
        let ready = match self.ready(&digest) {
            Some(ready) => ready,
            None => {
                let component = compile(runtime, cache.as_ref(), &digest, bytes)?;
                let ready = Arc::new(Ready::new(runtime, limits, &component, admitted.describe)?);
                require_truth(&ready, runtime, limits, &admitted.section)?;
                policies.write().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), Arc::clone(&ready));
                ready
            }
        };
        let describe = ready.describe.clone();
        Ok(Loaded {
            digest,
            kind: describe.kind,
            name: describe.name.clone(),
            version: describe.version.clone(),
            describe,
            imports: admitted.imports,
            budget: ready.budget,
            size: bytes.len(),
        })
    }

    /// Whether a config can be used: first by the policy's schema, then by the policy itself.
    pub fn check_config(&self, component: &Digest, config: &str) -> Result<(), Vec<Problem>> {
        let Inner { runtime, limits, .. } = &*self.inner;
        let whole = |code: &str, message: String| {
            vec![Problem { pointer: String::new(), reason: Reason { code: code.to_owned(), message } }]
        };
        let Some(ready) = self.ready(component) else {
            return Err(whole("unavailable", unknown(component)));
        };
        let value = json::parse(config, limits.answer.json_depth).map_err(|text| whole("invalid-json", text))?;
        let problems = schema::check(&ready.describe.config, &value);
        if !problems.is_empty() {
            return Err(problems);
        }
        let (result, _) = ready.call::<_, (Vec<contract::Problem>,)>(runtime, limits, &ready.check_config, (config,));
        let rules = Rules { limits: &limits.answer, codes: &ready.codes, now: Timestamp(0), offered: 0 };
        match result.and_then(|(problems,)| rules.problems(problems)) {
            Ok(problems) if problems.is_empty() => Ok(()),
            Ok(problems) => Err(problems),
            Err(failure) => Err(whole(failure.code(), failure.to_string())),
        }
    }

    /// Asks one question.
    pub fn decide(&self, question: &Question) -> Decision {
        let Some(ready) = self.ready(&question.component) else {
            return Decision { answer: Err(Failure::Unavailable(unknown(&question.component))), fuel: 0 };
        };
        let (answer, fuel) = self.ask(&ready, question);
        Decision { answer, fuel }
    }

    /// Asks several questions and keeps each beside its decision.
    pub fn judge<K: Ord>(&self, questions: BTreeMap<K, Question>) -> BTreeMap<K, (Question, Decision)> {
        let ask = |(key, question): (K, Question)| {
            let decision = self.decide(&question);
            (key, (question, decision))
        };
        questions.into_iter().map(ask).collect()
    }

    /// What besides a question a decision can depend on.
    pub fn profile(&self) -> &EngineProfile {
        &self.inner.runtime.profile
    }

    /// The limits that every call has.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    fn ready(&self, component: &Digest) -> Option<Arc<Ready>> {
        self.inner.policies.read().unwrap_or_else(PoisonError::into_inner).get(component).cloned()
    }

    fn ask(&self, ready: &Ready, question: &Question) -> (Result<Answer, Failure>, u64) {
        let Inner { runtime, limits, .. } = &*self.inner;
        let offered = match &question.ask {
            Ask::Shortlist { tags, .. } | Ask::Select { tags, .. } => tags.len(),
            Ask::Judge { .. } | Ask::Transform { .. } => 0,
        };
        let rules = Rules { limits: &limits.answer, codes: &ready.codes, now: question.context.now, offered };
        let (context, config) = (convert::context(&question.context), question.config.as_str());
        match (&ready.functions, &question.ask) {
            (Functions::ImageFilter { shortlist, .. }, Ask::Shortlist { container, tags }) => {
                if let Err(text) = convert::check_columns(tags, None) {
                    return (Err(malformed("/tags", text)), 0);
                }
                let params = (context, config, convert::container(container), convert::tags(tags));
                let (result, fuel) =
                    ready.call::<_, (Result<Vec<u32>, contract::Failure>,)>(runtime, limits, shortlist, params);
                (answer(&rules, result, |found| rules.shortlist(found).map(Answer::Shortlist)), fuel)
            }
            (Functions::ImageFilter { select, .. }, Ask::Select { container, tags, metadata }) => {
                if let Err(text) = convert::check_columns(tags, Some(metadata)) {
                    return (Err(malformed("/tags", text)), 0);
                }
                let (container, metadata) = (convert::container(container), convert::metadata(metadata));
                let params = (context, config, container, convert::tags(tags), metadata);
                let (result, fuel) = ready.call(runtime, limits, select, params);
                (answer(&rules, result, |found| rules.selection(found).map(Answer::Selection)), fuel)
            }
            (Functions::PromotionRule { judge }, Ask::Judge { moves, evidence }) => {
                let params = (context, config, convert::moves(moves), evidence.as_str());
                let (result, fuel) = ready.call(runtime, limits, judge, params);
                (answer(&rules, result, |found| rules.verdict(found).map(Answer::Verdict)), fuel)
            }
            (Functions::ValueTransform { apply }, Ask::Transform { chart, values, evidence }) => {
                let params = (context, config, convert::chart(chart), values.as_str(), evidence.as_str());
                let (result, fuel) = ready.call(runtime, limits, apply, params);
                (answer(&rules, result, |found| rules.transformation(found).map(Answer::Transformation)), fuel)
            }
            (_, ask) => {
                let (is, asked) = (ready.describe.kind.as_str(), ask.kind().as_str());
                (Err(Failure::Unavailable(format!("`{}` is of kind {is}, not {asked}", question.policy))), 0)
            }
        }
    }
}

/// Checks what came back, be it an answer or a failure.
fn answer<T>(
    rules: &Rules<'_>,
    result: Result<(Result<T, contract::Failure>,), Failure>,
    check: impl FnOnce(T) -> Result<Answer, Failure>,
) -> Result<Answer, Failure> {
    match result?.0 {
        Ok(found) => check(found),
        Err(failure) => Err(rules.failure(failure)),
    }
}

/// Runs `describe` and compares it with what the custom section says.
fn require_truth(ready: &Ready, runtime: &Runtime, limits: &Limits, section: &str) -> Result<(), LoadError> {
    let (result, _) = ready.call::<_, (String,)>(runtime, limits, &ready.describe_function, ());
    let (said,) = result.map_err(LoadError::Describe)?;
    if said == section { Ok(()) } else { Err(LoadError::LyingDescription) }
}

fn unknown(component: &Digest) -> String {
    format!("no policy with the digest {component} is loaded")
}

fn malformed(pointer: &str, message: String) -> Failure {
    let reason = Reason { code: "malformed".to_owned(), message };
    Failure::BadInput(vec![Problem { pointer: pointer.to_owned(), reason }])
}
