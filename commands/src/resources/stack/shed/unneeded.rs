//! What a stage's stack has and no release needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use super::super::execution::PassEnd;
use super::super::what::{StackItem, StackOfStage};
use super::super::worker::on_worker;
use super::outcome::ended;
use super::{ShedChange, ShedPlan, ShedSteps, Shedding, title};
use crate::application::World;
use crate::operation::{EngineError, OperationState, StepId};
use crate::ports::StackClass;
use sluice_model::{StageName, Text};
use sluice_template::plain::{Delivery, Emission, Shed, StackTemplate, shed};

/// What the work on templates is called in the log.
const CALL: &str = "stack::shed";
/// The ids of the two changes, before the stage's name.
const RELEASE: &str = "release";
const SHED: &str = "shed";

/// What a stage's stack has and no release needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unneeded {
    pub(crate) stage: StageName,
    /// The stack's id.
    stack: String,
    /// Whether a template has to be in S3.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_large: bool,
    /// What CloudFormation deletes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) goes: Vec<StackItem>,
    /// What leaves the stack and stays in the account, because its author wrote `Retain`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_behind: Vec<StackItem>,
    /// What holds data: it stays until an admin names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) data: Vec<StackItem>,
}

impl StackOfStage {
    /// What the stack has and nothing in `wanted` names; `None` if that is nothing, or the stack accepts no change now. Resources with
    /// data go only if `allowed` names them.
    pub(crate) async fn unneeded(
        &self,
        world: &World,
        wanted: BTreeSet<String>,
        allowed: BTreeSet<String>,
    ) -> Result<Option<Unneeded>, EngineError> {
        let stack = self.find(world).await?;
        let Some(stack) =
            stack.filter(|stack| stack.status.class() == StackClass::Stable && stack.role.is_some())
        else {
            return Ok(None);
        };
        let (template, resources) = try_join(
            world.ports.stacks.template(&self.target, &stack.id),
            world.ports.stacks.stack_resources(&self.target, &stack.id),
        )
        .await?;
        let plan = move || planned(&template.unwrap_or_default(), &wanted, &allowed);
        let Some(shed) = on_worker(world, CALL, plan).await? else { return Ok(None) };
        let is_large = [&shed.release, &shed.remove].into_iter().flatten();
        let is_large = is_large.map(|emission| emission.template.delivery()).collect::<Vec<_>>();
        if is_large.contains(&None) {
            // No change set can be made of it.
            return Ok(None);
        }
        let mut found = Unneeded {
            stage: self.stage.clone(),
            stack: stack.id,
            is_large: is_large.contains(&Some(Delivery::Url)),
            goes: vec![],
            left_behind: vec![],
            data: vec![],
        };
        for item in StackItem::all(resources.unwrap_or_default()) {
            if shed.left_behind.contains(&item.id) {
                found.left_behind.push(item);
            } else if shed.dropped.contains(&item.id) {
                found.goes.push(item);
            } else if shed.protected.contains(&item.id) {
                found.data.push(item);
            }
        }
        Ok(Some(found))
    }
}

impl Unneeded {
    /// Whether anything leaves the stack.
    pub(crate) fn changes(&self) -> bool {
        !self.goes.is_empty() || !self.left_behind.is_empty()
    }

    /// Whether that resource leaves the stack.
    pub(crate) fn leaves(&self, logical_id: &str) -> bool {
        self.goes.iter().chain(&self.left_behind).any(|item| item.id == logical_id)
    }

    /// The steps that take it out of the stack, after these.
    pub(crate) fn nodes(
        &self,
        op: &OperationState,
        of: &StackOfStage,
        after: Vec<StepId>,
    ) -> Result<Shedding, EngineError> {
        let gone = self.goes.iter().chain(&self.left_behind).map(|item| item.id.clone());
        let gone: BTreeSet<String> = gone.collect();
        let steps = |half, id: &str, title| ShedSteps {
            op,
            change: ShedChange {
                of: of.clone(),
                stack: self.stack.clone(),
                plan: Arc::new(HalfOfShed { half, gone: gone.clone() }),
            },
            id: self.id(id),
            title,
            is_large: self.is_large,
        };
        let mut all = steps(Half::Release, RELEASE, Text::default()).nodes(after)?;
        let Some(released) = all.end.take_if(|end| end.failure.is_none()) else { return Ok(all) };
        let last = steps(Half::Remove, SHED, title()).nodes(vec![released.last])?;
        all.nodes.extend(last.nodes);
        Ok(Shedding { nodes: all.nodes, end: last.end })
    }

    /// How the change of the stack ended, once it did: why CloudFormation could not do it, and what it left in the account.
    pub(crate) fn end(&self, op: &OperationState) -> Option<PassEnd> {
        [RELEASE, SHED].iter().rev().find_map(|half| ended(op, &self.id(half)))
    }

    fn id(&self, half: &str) -> String {
        format!("{half}-{}", self.stage)
    }

    /// For samples of messages.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn sample(stage: &str, goes: usize, data: usize) -> Self {
        let item =
            |id: String, kind: &str| StackItem { name: format!("{stage}-{id}"), id, kind: kind.to_owned() };
        Self {
            stage: stage.parse().expect("a stage"),
            stack: format!("arn:aws:cloudformation:::stack/sluice-orders-{stage}/0"),
            is_large: false,
            goes: (1..=goes).map(|nth| item(format!("Events{nth}"), "AWS::SNS::Topic")).collect(),
            left_behind: vec![],
            data: (1..=data).map(|nth| item(format!("Orders{nth}"), "AWS::DynamoDB::Table")).collect(),
        }
    }
}

/// Which change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    /// It lets CloudFormation delete them.
    Release,
    /// It takes them out of the template.
    Remove,
}

/// One of the two changes that take these resources out of a stack.
struct HalfOfShed {
    half: Half,
    gone: BTreeSet<String>,
}

#[async_trait]
impl ShedPlan for HalfOfShed {
    async fn plan(&self, world: &World, live: String) -> Result<Option<(Emission, Shed)>, EngineError> {
        let gone = self.gone.clone();
        let shed = on_worker(world, CALL, move || without(&live, &gone)).await?;
        Ok(shed.and_then(|shed| {
            let emission = match self.half {
                Half::Release => shed.release.clone(),
                Half::Remove => shed.remove.clone(),
            };
            emission.map(|emission| (emission, shed))
        }))
    }
}

/// SHED of exactly these resources; `None` if that is not possible any more, because somebody changed the stack.
fn without(live: &str, gone: &BTreeSet<String>) -> Option<Shed> {
    let live = StackTemplate::read(live).ok()?;
    let stays = live.resources.keys().filter(|id| !gone.contains(*id)).cloned().collect();
    shed(&live, &stays, gone).ok().flatten().filter(|shed| shed.dropped == *gone)
}

/// What could go of a live template; `None` if that is nothing, or the template is not Sluice's.
fn planned(live: &str, wanted: &BTreeSet<String>, allowed: &BTreeSet<String>) -> Option<Shed> {
    let live = StackTemplate::read(live).ok()?;
    shed(&live, wanted, allowed).ok().flatten()
}
