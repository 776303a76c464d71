//! What the exports call: texts become types, and back.

use serde::de::DeserializeOwned;

use crate::json;
use crate::{
    Chart, Container, Context, Evidence, Failure, ImageFilter, Metadata, Move, Policy, Problem, PromotionRule,
    Selection, Tags, Transformation, ValueTransform, Verdict,
};

/// The policy with its config understood.
pub fn configure<P: Policy>(config: &str) -> Result<P, Vec<Problem>> {
    let config = json::from_str(config).map_err(|error| vec![Problem::new("", "invalid-config", error.to_string())])?;
    P::configure(config)
}

/// `check-config`.
pub fn check_config<P: Policy>(config: &str) -> Vec<Problem> {
    configure::<P>(config).err().unwrap_or_default()
}

/// `shortlist`.
pub fn shortlist<P: ImageFilter>(
    context: &Context,
    config: &str,
    container: &Container,
    tags: &Tags,
) -> Result<Vec<u32>, Failure> {
    configure::<P>(config).map_err(Failure::BadConfig)?.shortlist(context, container, tags)
}

/// `select`.
pub fn select<P: ImageFilter>(
    context: &Context,
    config: &str,
    container: &Container,
    tags: &Tags,
    metadata: &Metadata,
) -> Result<Selection, Failure> {
    configure::<P>(config).map_err(Failure::BadConfig)?.select(context, container, tags, metadata)
}

/// `judge`.
pub fn judge<P: PromotionRule>(
    context: &Context,
    config: &str,
    moves: &[Move],
    evidence: &str,
) -> Result<Verdict, Failure> {
    let policy = configure::<P>(config).map_err(Failure::BadConfig)?;
    policy.judge(context, moves, &input::<Evidence>("/evidence", evidence)?)
}

/// `apply`.
pub fn apply<P: ValueTransform>(
    context: &Context,
    config: &str,
    chart: &Chart,
    values: &str,
    evidence: &str,
) -> Result<Transformation, Failure> {
    let policy = configure::<P>(config).map_err(Failure::BadConfig)?;
    policy.apply(context, chart, &input("/values", values)?, &input::<Evidence>("/evidence", evidence)?)
}

fn input<T: DeserializeOwned>(pointer: &str, text: &str) -> Result<T, Failure> {
    json::from_str(text).map_err(|error| Failure::bad_input(pointer, "invalid-input", error.to_string()))
}
