//! What the passes would change, for people who ask before anything begins. Nothing is created for them: their templates are
//! compared, which shows less than a change set.

use super::messages;
use super::of::{Pass, StackOf};
use super::plan::planned_now;
use super::shown::{MOST_SHOWN, ShownChange, What, expected, lines};
use crate::application::World;
use crate::operation::EngineError;
use crate::resources::describe::Line;
use sluice_model::Refusal;
use sluice_template::plain::{Confirmed, assert_grow};

/// What the passes would change.
#[derive(Debug, Clone, Default)]
pub(crate) struct StackPreview {
    pub(crate) lines: Vec<Line>,
    /// Why GROW would not be executed, as far as its template shows that.
    pub(crate) refusal: Option<Refusal>,
}

/// Compares the templates; `None` while the stack is being changed.
///
/// # Errors
///
/// The refusal with which an operation would end when it plans the passes.
pub(crate) async fn previewed(of: &StackOf, world: &World) -> Result<Option<StackPreview>, EngineError> {
    let Some((plan, passes)) = planned_now(of, world).await? else { return Ok(None) };
    let mut grow = ShownChange::between(&passes.live, passes.grow.as_ref());
    let forbidden = passes.grow.as_ref().and_then(|grown| {
        let changes = expected(&passes.live, &grown.template);
        assert_grow(&changes, grown, Confirmed { replace: of.choices.replace }).err()
    });
    let has_changed = grow.iter().any(|change| change.what == What::Change);
    let more = grow.len().saturating_sub(MOST_SHOWN);
    grow.truncate(MOST_SHOWN);
    let mut lines = lines(&grow, more, &plan.wires);
    lines.extend(has_changed.then(|| Line::plain(messages::MAY_BE_REPLACED.to_owned(), false)));
    let refusal = forbidden.map(|found| messages::forbidden(Pass::Grow, &found));
    Ok(Some(StackPreview { lines, refusal }))
}
