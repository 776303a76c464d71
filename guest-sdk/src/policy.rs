//! What a policy author implements: [`Policy`] and the trait of one kind.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    About, Chart, Container, Context, Evidence, Failure, Metadata, Move, PolicyConfig, Problem, Selection, Tags,
    Transformation, Verdict,
};

/// What every policy has: a description and a config.
///
/// A value of the implementing type is a policy with its config understood. It lives for one call: nothing that it
/// remembers reaches the next one.
pub trait Policy: Sized {
    /// The config as written by the operator.
    type Config: PolicyConfig + DeserializeOwned;

    /// What the policy says about itself.
    const ABOUT: About;

    /// Understands a config, or says what is wrong with it and where.
    ///
    /// `check-config` is this function; so what it accepts works when it matters.
    fn configure(config: Self::Config) -> Result<Self, Vec<Problem>>;
}

/// Chooses a tag for one container.
pub trait ImageFilter: Policy {
    /// Which tags may be chosen at all, most wanted first.
    ///
    /// Called first and only when the policy wants `created`, `digests` or `facts`; the host then fetches these of the
    /// tags named here alone. Without an implementation all tags are named.
    fn shortlist(&self, context: &Context, container: &Container, tags: &Tags) -> Result<Vec<u32>, Failure> {
        let _ = (context, container);
        Ok((0..tags.count()).collect())
    }

    /// The choice. `metadata` is empty unless the policy wants some.
    fn select(
        &self,
        context: &Context,
        container: &Container,
        tags: &Tags,
        metadata: &Metadata,
    ) -> Result<Selection, Failure>;
}

/// Says whether versions may move.
pub trait PromotionRule: Policy {
    /// The verdict on all moves of one release together.
    fn judge(&self, context: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure>;
}

/// Changes the values of a release before it is rendered.
pub trait ValueTransform: Policy {
    /// The operations that bring these values to what the policy wants; none when they are.
    fn apply(
        &self,
        context: &Context,
        chart: &Chart,
        values: &Value,
        evidence: &Evidence,
    ) -> Result<Transformation, Failure>;
}
