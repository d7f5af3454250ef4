//! The smoke test of a stage. It runs after the moves, while the operation holds the stage's slot, and before the record, which
//! is the point of no return. After a failed test the moves are undone, as after every failure.
//!
//! It takes a moment until a moved alias or API stage takes effect everywhere. So a failed test is repeated for 20 s, and an
//! answer to a request counts only from 5 s after the moves: an earlier one may come from the previous release. The answer to
//! an event has the version that handled it. After a crash the next owner may run the test again: a request is a look, and an
//! event may be delivered twice. A rollback has no smoke test, because nothing may delay it.

use std::time::Duration;

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::INVOKE;
use crate::operation::{Context, Effect, EngineError, Node, Progress, Step, StepId};
use crate::ports::Reply;
use crate::records::{Release, main_api, stage_slot};
use crate::resources::{Move, RanBefore};
use crate::rules::Smoke;
use crate::steps::messages;
use sluice_model::{Class, Refusal, ReleaseNumber, StageName, Target, Text};
use sluice_template::function_name;

/// The step's id.
const SMOKE: &str = "smoke";
/// How long a failed test is repeated, measured by the process that runs it.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two tries.
const AGAIN: Duration = Duration::from_secs(1);
/// How long after the moves the previous release may still answer a request.
const STALE: Duration = Duration::from_secs(5);
/// How many requests in a row must pass after that, each on its own connection.
const PASSES: usize = 3;

/// A test of a stage.
pub(crate) struct SmokeTest {
    target: Target,
    stage: StageName,
    smoke: Smoke,
    callee: Callee,
    before: Option<ReleaseNumber>,
}

/// What the test calls.
enum Callee {
    Url(String),
    Function {
        name: String,
        version: String,
    },
    /// The release has nothing that the test could call.
    Nothing(Refusal),
}

impl SmokeTest {
    pub(crate) fn new(to: &Move, release: &Release, smoke: &Smoke) -> Self {
        let Move { target, before, set, .. } = *to;
        let RanBefore { pipeline, stage, release: runs } = before;
        let code = &release.artifact.code;
        let impossible =
            |why| Callee::Nothing(messages::smoke_test_cannot_pass(before, release.number, smoke, why));
        let callee = match smoke {
            Smoke::Request { path, .. } => match main_api(&set.apis) {
                Some(api) => Callee::Url(format!("{}{path}", api.url().trim_end_matches('/'))),
                None => impossible(None),
            },
            Smoke::Invoke { function, .. } => {
                let name = function_name(pipeline, stage, function);
                match set.versions.get(&name).filter(|_| code.contains_key(function)) {
                    Some(version) => Callee::Function { version: version.clone(), name },
                    None => impossible(Some(code)),
                }
            }
        };
        Self { target: target.clone(), stage: stage.clone(), smoke: smoke.clone(), callee, before: *runs }
    }

    /// Whether the release cannot pass it at all.
    pub(crate) fn cannot_pass(&self) -> bool {
        matches!(self.callee, Callee::Nothing(_))
    }

    /// The step of the test, after these steps. It holds the stage's slot, unless the test cannot pass.
    pub(crate) fn node(self, after: &[StepId]) -> Node {
        let slot = (!self.cannot_pass()).then(|| stage_slot(&self.stage));
        let node = Node::new(StepId::new(SMOKE), messages::smoke_test(&self.smoke), self)
            .after(after.iter().cloned());
        slot.into_iter().fold(node, Node::holding)
    }

    /// Runs the test once. Returns what was seen if it failed.
    async fn attempt(&self, cx: &Context) -> Result<Option<String>, EngineError> {
        match (&self.callee, &self.smoke) {
            (Callee::Url(url), Smoke::Request { method, status: wanted, .. }) => {
                Ok(match cx.world.ports.probe.request(*method, url).await {
                    Reply::Answered { status, .. } if status == *wanted => None,
                    Reply::Answered { status, body } => Some(messages::answered(status, *wanted, &body)),
                    Reply::Silent(why) => Some(messages::silent(why)),
                })
            }
            (Callee::Function { name, version }, Smoke::Invoke { event, .. }) => {
                let event = event.as_deref().unwrap_or("{}");
                // The function's own timeout may be shorter.
                let functions = &cx.world.ports.functions;
                match functions.invoke(&self.target, name, self.stage.as_str(), event, PATIENCE).await {
                    Ok(invoked) => Ok(match (invoked.version, invoked.error) {
                        (Some(other), _) if other != *version => Some(messages::answered_by(&other, version)),
                        (_, Some(error)) => Some(messages::invocation_failed(&error)),
                        (_, None) => None,
                    }),
                    Err(error) if matches!(error.class, Class::Denied | Class::Invalid) => Err(error.into()),
                    Err(error) => Ok(Some(messages::no_answer(&error))),
                }
            }
            (Callee::Nothing(refusal), _) => Err(EngineError::Refused(refusal.clone())),
            _ => Err(EngineError::Corrupt("a smoke test of another kind".into())),
        }
    }

    /// The refusal after a failed test. `seen` follows the name of the test.
    pub(crate) fn failed(&self, seen: &str) -> Refusal {
        messages::smoke_test_failed(&self.stage, &self.smoke, self.before, seen)
    }
}

#[async_trait]
impl Step<Sluice> for SmokeTest {
    fn effect(&self) -> Effect {
        match self.callee {
            Callee::Function { .. } => Effect::Mutate(&INVOKE),
            Callee::Url(_) | Callee::Nothing(_) => Effect::Look,
        }
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let is_request = matches!(self.callee, Callee::Url(_));
        let is_stale = is_request && cx.begun.elapsed() < STALE;
        let mut failed = self.attempt(cx).await?;
        let passes = if is_request && !is_stale { PASSES } else { 1 };
        for _ in 1..passes {
            if failed.is_none() {
                failed = self.attempt(cx).await?;
            }
        }
        let Some(seen) = failed else {
            if is_stale {
                let note = Some(Text::plain(messages::PASSED_ONCE));
                return Ok(Progress::NotYet { after: AGAIN, note });
            }
            return Progress::done(());
        };
        if cx.begun.elapsed() < PATIENCE {
            return Ok(Progress::NotYet { after: AGAIN, note: Some(Text::plain(seen)) });
        }
        Err(EngineError::Refused(self.failed(&seen)))
    }
}
