//! Restores a version that Lambda made inactive because nobody called it for weeks. Its first call fails, and people must not
//! meet that failure: no stage moves to a version before it can be called.

use async_trait::async_trait;

use super::steps::not_yet;
use crate::application::Sluice;
use crate::operation::effects::INVOKE;
use crate::operation::{Context, Effect, EngineError, Node, Observed, Progress, Step, StepId};
use crate::ports::Readiness;
use crate::resources::messages;
use sluice_model::Target;

/// The reason of a version that is inactive only because nobody called it.
const IDLE: &str = "Idle";

/// A version to restore.
#[derive(Clone)]
pub(crate) struct Asleep {
    pub(crate) target: Target,
    /// The function's name in AWS.
    pub(crate) function: String,
    pub(crate) version: String,
}

impl Asleep {
    /// The steps that restore it, in order: the call that starts it, and the wait for its end. `subject` is the function in
    /// their ids and titles.
    pub(crate) fn nodes(self, subject: &str, after: StepId) -> [Node; 2] {
        let (wake, woken) = (StepId::of("wake", subject), StepId::of("woken", subject));
        let title = messages::restore_version(subject, &self.version);
        [
            Node::new(wake.clone(), title, WakeVersion(self.clone())).after([after]),
            Node::new(woken, "", AwaitActive(self)).after([wake]),
        ]
    }

    async fn readiness(&self, cx: &Context) -> Result<Option<Readiness>, EngineError> {
        let functions = &cx.world.ports.functions;
        let found = functions.version(&self.target, &self.function, &self.version).await?;
        Ok(found.map(|found| found.readiness))
    }
}

/// Calls the version, if it is still inactive.
struct WakeVersion(Asleep);

#[async_trait]
impl Step<Sluice> for WakeVersion {
    fn effect(&self) -> Effect {
        Effect::Mutate(&INVOKE)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Asleep { target, function, version } = &self.0;
        // Of a version that is active, the call would run the function.
        if let Some(Readiness::Inactive(_)) = self.0.readiness(cx).await? {
            cx.world.ports.functions.wake(target, function, version).await?;
        }
        Progress::done(())
    }
    async fn observe(&self, _: &Context) -> Result<Observed, EngineError> {
        // The step looks before it calls.
        Ok(Observed::Absent)
    }
}

/// Waits until the version can be called.
struct AwaitActive(Asleep);

#[async_trait]
impl Step<Sluice> for AwaitActive {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Asleep { function, version, .. } = &self.0;
        let failed =
            |reason: &str| Err(EngineError::Refused(messages::version_failed(function, version, reason)));
        match self.0.readiness(cx).await? {
            Some(Readiness::Ready) => Progress::done(version),
            Some(Readiness::Failed(reason)) => failed(&reason),
            // Lambda tried, and gives the reason. A reason from before the call may be shown for a moment.
            Some(Readiness::Inactive(reason))
                if reason != IDLE && cx.begun.elapsed() >= cx.world.settings.consistency =>
            {
                failed(&reason)
            }
            Some(Readiness::Inactive(_) | Readiness::Pending) => {
                not_yet(cx, &messages::version(function, version))
            }
            None => Err(EngineError::Refused(messages::version_gone(function, version))),
        }
    }
}
