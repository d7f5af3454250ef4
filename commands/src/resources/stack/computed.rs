//! A planned pass, computed again from the artifact and from what is live.

use std::collections::BTreeSet;

use super::gather::{Gathered, Passes, digest};
use super::messages;
use super::of::{Pass, StackOf};
use crate::operation::{Context, EngineError};
use crate::records::{Stage, from_item};
use sluice_template::plain::Emission;

/// What there is to do now.
pub(super) enum Computed {
    /// Nothing yet: the stack is being changed.
    Busy,
    /// Nothing any more.
    Nothing,
    /// The passes as they are now, and the template of this one.
    Change(Box<(Gathered, Passes, Emission)>),
}

/// Computes a pass again. A rollback connects its triggers to whatever the stack is by then, because nobody approved its changes and
/// it cannot be planned anew; any other change has to be the planned one.
pub(super) async fn computed(
    of: &StackOf,
    pass: Pass,
    planned: &str,
    kept: &BTreeSet<String>,
    cx: &Context,
) -> Result<Computed, EngineError> {
    if let Pass::Wire(_) = pass {
        still_runs(of, cx).await?;
    }
    let Some(gathered) = Gathered::of(of, &cx.world).await? else { return Ok(Computed::Busy) };
    let mut passes = gathered.passes(of, &cx.world, kept.clone()).await?;
    let emission = match pass {
        Pass::Grow => passes.grow.take(),
        Pass::Wire(_) if passes.grow.is_some() => None,
        Pass::Wire(_) => passes.wire.take(),
    };
    match emission.filter(|emission| of.is_rollback || digest(emission) == planned) {
        Some(emission) => Ok(Computed::Change(Box::new((gathered, passes, emission)))),
        None if of.is_rollback => Ok(Computed::Nothing),
        None => Err(EngineError::Refused(messages::changed_meanwhile(&of.name()))),
    }
}

/// Refuses to connect triggers if the stage moved since: they would call versions that were not built for them. A rollback may pass
/// an operation that is stuck.
async fn still_runs(of: &StackOf, cx: &Context) -> Result<(), EngineError> {
    let item = cx.world.store.get(&cx.world.keys.stage(&of.pipeline, &of.stage)).await?;
    let stage: Option<Stage> = item.as_ref().map(from_item).transpose()?;
    let runs = stage.and_then(|stage| stage.current).map(|current| current.release);
    match runs == Some(of.release) {
        true => Ok(()),
        false => Err(EngineError::Refused(messages::stage_moved(&of.stage, of.release))),
    }
}
