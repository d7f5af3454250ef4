//! What stages run now, according to AWS.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::all;
use super::resource::SurveyCall;
use super::seen::{Seen, Surveyed};
use crate::operation::World;
use crate::ports::Readiness;
use sluice_model::{PortResult, StageName};

/// How many calls run side by side. The adapter delays calls to keep within Lambda's rate and refuses those that would wait too
/// long (`aws-adapter/src/limits.rs`): with a call for each of fifty functions at once, no survey would ever be complete.
const SIDE_BY_SIDE: usize = 8;

/// What these stages run now.
pub(crate) async fn look(world: &World, stages: &[Surveyed]) -> PortResult<BTreeMap<StageName, Seen>> {
    gather(all().into_iter().flat_map(|kind| kind.survey(world, stages)).collect()).await
}

/// What one stage runs now.
pub(crate) async fn look_now(world: &World, stage: Surveyed) -> PortResult<Seen> {
    Ok(look(world, &[stage]).await?.into_values().next().unwrap_or_default())
}

/// The functions whose versions are inactive, of these.
pub(crate) async fn asleep(
    world: &World,
    versions: &BTreeMap<String, String>,
) -> PortResult<BTreeSet<String>> {
    let look = |(function, version): (&String, &String)| {
        let (function, version) = (function.clone(), version.clone());
        async move {
            let found = world.ports.functions.version(&world.target, &function, &version).await?;
            let readiness = found.map(|found| found.readiness);
            Ok(matches!(readiness, Some(Readiness::Inactive(_))).then_some(function))
        }
    };
    let found: Vec<_> =
        stream::iter(versions.iter().map(look)).buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn gather(calls: Vec<SurveyCall<'_>>) -> PortResult<BTreeMap<StageName, Seen>> {
    let shown: Vec<_> = stream::iter(calls).buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    let mut seen = BTreeMap::<StageName, Seen>::new();
    for (stage, more) in shown.into_iter().flatten() {
        let before = seen.remove(&stage).unwrap_or_default();
        seen.insert(stage, before.and(more));
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn many_functions_are_looked_at_a_few_at_a_time() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = |function: usize| {
            let (running, most) = (&running, &most);
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::Relaxed);
                let seen = Seen::of_alias(&format!("sluice-orders-prod-Part{function}"), None);
                Ok(vec![("prod".parse().unwrap(), seen)])
            }
            .boxed()
        };
        let seen = gather((0..50).map(call).collect()).await.unwrap();
        assert_eq!(seen[&"prod".parse().unwrap()].leads_to.len(), 50);
        assert_eq!(most.into_inner(), SIDE_BY_SIDE);
    }
}
