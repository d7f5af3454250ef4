//! The plan of a stack's passes: which of them are necessary, and what they are bound to.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::gather::{Gathered, Passes, digest};
use super::messages;
use super::of::{LOOK_AGAIN, StackOf};
use super::role::stack_role;
use super::shown::{MOST_SHOWN, ShownChange};
use super::unblock::{BlockedStack, blocked};
use super::upload::is_large;
use crate::application::{Sluice, World};
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::records::{Stage, VersionSet, from_item};
use crate::resources::rights::FixedNames;
use sluice_template::plain::Emission;

/// How many of the releases that ran last on a stage keep what they need: a rollback may return to them.
const WINDOW: usize = 10;

/// A pass that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedPass {
    pub(super) digest: String,
    /// Whether its template has to be in S3.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_large: bool,
}

impl PlannedPass {
    fn new(of: &StackOf, emission: &Emission) -> Result<Self, EngineError> {
        Ok(Self { digest: digest(emission), is_large: is_large(of, &emission.template)? })
    }
}

/// Which passes are necessary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StackPlan {
    /// The stack, if its rollback has to be continued before anything else can be planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blocked: Option<BlockedStack>,
    /// GROW, if it changes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grow: Option<PlannedPass>,
    /// WIRE, if it changes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wire: Option<PlannedPass>,
    /// The id of a stack without resources, whose creation failed: it has to be deleted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leftover: Option<String>,
    /// The ARN of the service role that the stack was last given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// The names that its service role has to reach.
    #[serde(default, skip_serializing_if = "FixedNames::is_empty")]
    pub(super) names: FixedNames,
    /// The resources of earlier releases that the new one does not have and a rollback may need.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) kept: BTreeSet<String>,
    /// What WIRE changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) wires: Vec<ShownChange>,
    /// The SHA-256 of the template that the stack has once both passes are done, in hex.
    pub(crate) template: String,
}

impl StackPlan {
    fn new(of: &StackOf, passes: &Passes, gathered: &Gathered) -> Result<Self, EngineError> {
        let pass = |emission: &Option<Emission>| {
            emission.as_ref().map(|emission| PlannedPass::new(of, emission)).transpose()
        };
        // CloudFormation creates a stack in `REVIEW_IN_PROGRESS`; it has to be deleted in the other states.
        let leftover = gathered
            .empty
            .as_ref()
            .filter(|stack| stack.status != crate::ports::StackStatus::ReviewInProgress);
        let mut wires = ShownChange::between(&passes.grown, passes.wire.as_ref());
        wires.truncate(MOST_SHOWN);
        Ok(Self {
            blocked: None,
            grow: pass(&passes.grow)?,
            wire: pass(&passes.wire)?,
            leftover: leftover.map(|stack| stack.id.clone()),
            role: gathered.stack.as_ref().and_then(|stack| stack.role.clone()),
            kept: passes.kept.clone(),
            names: FixedNames { own: passes.names.clone(), others: BTreeSet::new() },
            wires,
            template: hex::encode(Sha256::digest(passes.last.as_bytes())),
        })
    }
}

/// Plans the passes.
pub(super) struct PlanStack {
    pub(super) of: StackOf,
    /// Whether a rollback that has to be continued is its result, and no refusal.
    pub(super) is_first: bool,
}

#[async_trait]
impl Step<Sluice> for PlanStack {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let planned = match planned_now(&self.of, &cx.world).await {
            Err(EngineError::Refused(refusal)) if self.is_first && refusal.code == messages::BROKEN => {
                return match blocked(&self.of, &cx.world).await? {
                    Some(stack) => Progress::done(StackPlan { blocked: Some(stack), ..StackPlan::default() }),
                    None => Err(EngineError::Refused(refusal)),
                };
            }
            planned => planned?,
        };
        match planned {
            Some((plan, _)) => Progress::done(plan),
            None => Ok(Progress::NotYet { after: LOOK_AGAIN, note: Some(messages::WAITS_FOR_STACK.into()) }),
        }
    }
}

/// The plan, and the passes that it is made of; `None` while the stack is being changed.
pub(super) async fn planned_now(
    of: &StackOf,
    world: &World,
) -> Result<Option<(StackPlan, Passes)>, EngineError> {
    let kept = kept(of, world).await?;
    let Some(gathered) = Gathered::of(of, world).await? else { return Ok(None) };
    let passes = gathered.passes(of, world, kept).await?;
    let plan = StackPlan::new(of, &passes, &gathered)?;
    // Refused before anything is created.
    stack_role(of, &plan.names)?;
    Ok(Some((plan, passes)))
}

/// What the releases need to which a rollback may return.
async fn kept(of: &StackOf, world: &World) -> Result<BTreeSet<String>, EngineError> {
    let (store, keys) = (&world.store, &world.keys);
    let Some(item) = store.get(&keys.stage(&of.pipeline, &of.stage)).await? else {
        return Ok(BTreeSet::new());
    };
    let stage: Stage = from_item(&item)?;
    let numbers = stage.runs.iter().rev().take(WINDOW).map(|run| run.release);
    let wanted: Vec<_> = numbers.map(|number| keys.version_set(&of.pipeline, number, &of.stage)).collect();
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut kept = BTreeSet::new();
    for item in store.get_many(&wanted).await? {
        let set: VersionSet = from_item(&item)?;
        kept.extend(set.stack.into_iter().flat_map(|stack| stack.needed));
    }
    Ok(kept)
}
