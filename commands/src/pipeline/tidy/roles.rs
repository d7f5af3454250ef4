//! Finds roles that no function uses.
//!
//! A function without its role cannot start. The functions of a failed deploy are in no recorded version set, because a deploy
//! creates roles and functions first and records its release last. A later deploy reuses these functions and does not create
//! their roles again. So only what exists in Lambda counts, not what is recorded.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::names;
use crate::operation::{Context, EngineError};
use crate::pipeline::tidy::needed::QUIET;
use crate::pipeline::tidy::params::{MOST_ROLES, SIDE_BY_SIDE};
use crate::ports::{Role, TAG_PIPELINE};
use sluice_model::{PipelineName, Target};

/// What is known from the look at versions.
pub(crate) struct InUse {
    /// The functions whose versions were looked at.
    pub(crate) functions: BTreeSet<String>,
    /// The roles of their versions that are kept.
    pub(crate) roles: BTreeSet<String>,
}

/// The roles of this pipeline and region that no function uses: at most one more than a run deletes.
pub(crate) async fn unused(
    cx: &Context,
    target: &Target,
    name: &PipelineName,
    known: &InUse,
) -> Result<Vec<String>, EngineError> {
    let identity = &cx.world.ports.identity;
    let mut roles = identity.role_names(target, &names::role_path(name, None)).await?;
    roles.retain(|role| !known.roles.contains(role));
    if roles.is_empty() {
        return Ok(roles);
    }
    // Read after the list of roles: it includes a function that was created meanwhile.
    let used = used_by_others(cx, target, name, known).await?;
    roles.retain(|role| !used.contains(role));
    let now = cx.world.clock.now();
    let looks = roles.into_iter().map(async |role| {
        let found = identity.role(target, &role).await?;
        Ok::<_, EngineError>(found.is_some_and(|found| can_delete(&found, target, name, now)).then_some(role))
    });
    let unused = stream::iter(looks).buffered(SIDE_BY_SIDE).try_filter_map(async |role| Ok(role));
    unused.take(MOST_ROLES + 1).try_collect().await
}

/// The roles that other functions use: `$LATEST` of every function in the region, and every version of the pipeline's other
/// functions.
async fn used_by_others(
    cx: &Context,
    target: &Target,
    name: &PipelineName,
    known: &InUse,
) -> Result<BTreeSet<String>, EngineError> {
    let functions = &cx.world.ports.functions;
    let latest = functions.roles_in_use(target).await?;
    let stem = format!("sluice-{name}-");
    let is_other = |function: &&String| function.starts_with(&stem) && !known.functions.contains(*function);
    let others: Vec<String> = latest.keys().filter(is_other).cloned().collect();
    let looks = others.into_iter().map(async |function| functions.versions(target, &function).await);
    let versions: Vec<_> = stream::iter(looks).buffered(SIDE_BY_SIDE).try_collect().await?;
    let published = versions.into_iter().flatten().flatten().map(|version| version.config.role);
    Ok(latest.values().cloned().chain(published).map(|arn| names::role_name(&arn).to_owned()).collect())
}

/// Whether an unused role may be deleted: one of a function, which its boundary tells, unless a stack has it. All regions of an account share its roles,
/// so the role may belong to a pipeline of the same name in another region, whose roles have another boundary.
fn can_delete(role: &Role, target: &Target, name: &PipelineName, now: Timestamp) -> bool {
    let is_ours = role.tags.get(TAG_PIPELINE).map(String::as_str) == Some(name.as_str());
    let is_here = role.boundary.as_ref() == Some(&names::boundary_arn(target));
    let is_of_stack = role.tags.contains_key(names::TAG_STACK);
    is_ours && is_here && !is_of_stack && now.duration_since(role.created) > QUIET
}
