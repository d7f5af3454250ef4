//! What the passes are computed from, and the computation: on a worker thread, because the template is untrusted.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join3;

use super::messages;
use super::of::StackOf;
use super::worker::on_worker;
use crate::application::World;
use crate::operation::EngineError;
use crate::ports::{self, Stack, StackClass, StackStatus};
use sluice_model::PortError;
use sluice_template::AppStack;
use sluice_template::plain::{
    Desired, Emission, Kept, ParameterValue, StackTemplate, approval_digest, back, grow, wire,
};

/// The stack as it is, and as the release wants it.
pub(super) struct Gathered {
    /// The stack, if it exists and has resources.
    pub(super) stack: Option<Stack>,
    /// A stack without resources that has the name.
    pub(super) empty: Option<Stack>,
    live: Option<String>,
    wanted: Option<AppStack>,
}

/// The templates of both passes; `None` where nothing changes.
pub(super) struct Passes {
    /// The template as it is.
    pub(super) live: StackTemplate,
    pub(super) grow: Option<Emission>,
    pub(super) wire: Option<Emission>,
    /// The template after GROW.
    pub(super) grown: StackTemplate,
    /// The resources of earlier releases that a rollback may need.
    pub(super) kept: BTreeSet<String>,
    /// The template once both are done, as text.
    pub(super) last: String,
    /// The names of all resources that the stack has before, between and after the passes.
    pub(super) names: BTreeSet<(String, String)>,
}

impl Gathered {
    /// Looks. `None` if the stack is being changed.
    pub(super) async fn of(of: &StackOf, world: &World) -> Result<Option<Self>, EngineError> {
        let (target, name) = (&of.target, of.name());
        let stacks = &world.ports.stacks;
        let aws = |error: PortError| EngineError::from(error);
        let (stack, live, wanted) = try_join3(
            async { stacks.stack(target, &name).await.map_err(aws) },
            async { stacks.template(target, &name).await.map_err(aws) },
            of.source.wanted(world, &of.apis),
        )
        .await?;
        let Some(stack) = stack else {
            return Ok(Some(Self { stack: None, empty: None, live: None, wanted }));
        };
        match stack.status.class() {
            // Its result is final; CloudFormation only deletes what it replaced.
            StackClass::InProgress if stack.status == StackStatus::UpdateCompleteCleanupInProgress => {}
            StackClass::InProgress => return Ok(None),
            StackClass::Broken => {
                let refusal = messages::broken(&name, stack.status, stack.reason.as_deref());
                return Err(EngineError::Refused(refusal));
            }
            StackClass::NeedsCleanUp => {
                return Ok(Some(Self { stack: None, empty: Some(stack), live: None, wanted }));
            }
            StackClass::Gone => return Ok(Some(Self { stack: None, empty: None, live: None, wanted })),
            StackClass::Stable => {}
        }
        Ok(Some(Self { stack: Some(stack), empty: None, live, wanted }))
    }

    /// Computes the passes. `kept` are the resources of the releases that a rollback may return to.
    pub(super) async fn passes(
        &self,
        of: &StackOf,
        world: &World,
        kept: BTreeSet<String>,
    ) -> Result<Passes, EngineError> {
        let (live, wanted, name) = (self.live.clone(), self.wanted.clone(), of.name());
        let (is_rollback, events_off) = (of.is_rollback, of.choices.events_off);
        let parameters: BTreeMap<String, String> = self
            .stack
            .iter()
            .flat_map(|stack| &stack.parameters)
            .map(|(name, parameter)| (name.clone(), parameter.value.clone()))
            .collect();
        let since = of.release.to_string();
        let job = move || {
            let basis = Basis { kept, is_rollback, events_off };
            passes(live.as_deref(), &parameters, wanted.as_ref(), basis, (&name, &since))
        };
        on_worker(world, "stack::passes", job).await?
    }
}

/// What the passes follow besides the templates.
struct Basis {
    /// The resources of the releases that a rollback may return to.
    kept: BTreeSet<String>,
    is_rollback: bool,
    events_off: bool,
}

fn passes(
    live: Option<&str>,
    parameters: &BTreeMap<String, String>,
    wanted: Option<&AppStack>,
    Basis { mut kept, is_rollback, events_off }: Basis,
    (name, since): (&str, &str),
) -> Result<Passes, EngineError> {
    let foreign = |error: sluice_template::TemplateError| {
        EngineError::Refused(messages::foreign_template(name, &error.problem))
    };
    let live = live.map(StackTemplate::read).transpose().map_err(foreign)?;
    let desired = wanted.map(AppStack::desired).transpose().map_err(foreign)?;
    let desired =
        desired.unwrap_or_else(|| Desired { stack: None, outputs: BTreeMap::new(), needed: BTreeSet::new() });
    let desired = match live.as_ref().filter(|_| is_rollback) {
        Some(live) => back(live, &desired),
        None => desired,
    };
    let desired = match events_off {
        true => {
            let (desired, still_on) = desired.without_events();
            if !still_on.is_empty() {
                return Err(EngineError::Refused(messages::events_stay_on(&still_on)));
            }
            desired
        }
        false => desired,
    };
    // The list goes into the journal: only those that a pass could take count.
    kept.retain(|id| live.as_ref().is_some_and(|live| live.resources.contains_key(id)));
    kept.retain(|id| desired.stack.as_ref().is_none_or(|stack| !stack.template.resources.contains_key(id)));
    let impossible = |errors: Vec<_>| EngineError::Refused(messages::impossible(&errors));
    let empty = StackTemplate::default();
    let before = live.as_ref().unwrap_or(&empty);
    let grow = if is_rollback { None } else { grow(live.as_ref(), &desired, since).map_err(impossible)? };
    let grow = grow.filter(|grown| differs(grown, before, parameters));
    let mut known = parameters.clone();
    let grown = match &grow {
        Some(grown) => {
            known = values_after(grown, &known);
            grown.template.clone()
        }
        None => before.clone(),
    };
    let of_wire = (!grown.resources.is_empty()).then_some(&grown);
    let wired = wire(of_wire, &desired, &Kept { resources: kept.clone() }, since).map_err(impossible)?;
    let mut names = before.fixed_names();
    names.extend(grown.fixed_names());
    names.extend(wired.iter().flat_map(|wired| wired.template.fixed_names()));
    let last = wired.as_ref().map_or(String::new(), |wired| wired.template.text());
    let wire = wired.filter(|wired| differs(wired, &grown, &known));
    Ok(Passes { live: live.unwrap_or_default(), grow, wire, grown, kept, last, names })
}

/// Whether CloudFormation would have something to do. The value of a secret cannot be read back, so it is compared by nobody.
fn differs(new: &Emission, live: &StackTemplate, parameters: &BTreeMap<String, String>) -> bool {
    let is_changed = |(name, value): (&String, &ParameterValue)| match value {
        ParameterValue::Previous => false,
        ParameterValue::Text(text) => {
            let declared = new.template.parameters.get(name);
            let is_secret = declared.is_some_and(|declared| declared.get("NoEcho").is_some());
            !is_secret && parameters.get(name) != Some(text)
        }
    };
    !new.template.is_same_stack(live) || new.parameters.iter().any(is_changed)
}

fn values_after(new: &Emission, before: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |(name, value): (&String, &ParameterValue)| match value {
        ParameterValue::Text(text) => Some((name.clone(), text.clone())),
        ParameterValue::Previous => before.get(name).map(|value| (name.clone(), value.clone())),
    };
    new.parameters.iter().filter_map(value).collect()
}

/// The digest of a pass.
pub(super) fn digest(emission: &Emission) -> String {
    approval_digest("", Some((emission, &[])), None)
}

/// The parameters of a change set.
pub(super) fn parameters(emission: &Emission) -> BTreeMap<String, ports::ParameterValue> {
    let value = |value: &ParameterValue| match value {
        ParameterValue::Text(text) => ports::ParameterValue::New(text.clone()),
        ParameterValue::Previous => ports::ParameterValue::Previous,
    };
    emission.parameters.iter().map(|(name, of)| (name.clone(), value(of))).collect()
}
