//! The smoke test of a stage. It runs right after the moves, while the operation holds the stage's slot, and before the record,
//! which is the point of no return. A failed test is undone like every failure, and the stage runs what it ran before.
//!
//! A moved alias or API stage needs a moment to take effect everywhere. So a failed test is repeated for 20 s, and answers to a
//! request count only from 5 s after the moves: earlier ones may come from the previous release. The answer to an event names
//! its version. After a crash the next owner may run the test again: it is a look, or an event that may be delivered twice.
//! A rollback has no smoke test, because nothing may delay it.

use std::time::Duration;

use async_trait::async_trait;

use crate::operation::effects::INVOKE;
use crate::operation::{Context, Effect, EngineError, Node, Progress, Slot, Step, StepId, VOID};
use crate::ports::Reply;
use crate::records::{Artifact, VersionSet};
use crate::rules::{Policy, Smoke, plain};
use crate::steps::stage_url;
use sluice_model::{Class, PipelineName, Refusal, ReleaseNumber, StageName, Target, Text};
use sluice_template::function_name;

/// The step's id.
const SMOKE: &str = "smoke";
/// How long a failed test is repeated, by the clock of the process that runs it.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two tries.
const AGAIN: Duration = Duration::from_secs(1);
/// How long after the moves the previous release may still answer a request.
const STALE: Duration = Duration::from_secs(5);
/// How many requests in a row must pass after that, each on a connection of its own.
const PASSES: usize = 3;
/// How many characters of an answer are shown.
const SHOWN: usize = 120;
/// How many functions are named if the test names an unknown one.
const NAMED: usize = 6;

/// A stage that just moved.
pub(crate) struct JustMoved<'a> {
    pub(crate) target: &'a Target,
    pub(crate) pipeline: &'a PipelineName,
    pub(crate) stage: &'a StageName,
    pub(crate) release: ReleaseNumber,
    pub(crate) artifact: &'a Artifact,
    pub(crate) set: &'a VersionSet,
    /// What ran there before.
    pub(crate) before: Option<ReleaseNumber>,
}

/// A test of a stage.
pub(crate) struct SmokeTest {
    target: Target,
    stage: StageName,
    smoke: Smoke,
    at: At,
    before: Option<ReleaseNumber>,
}

/// What the test calls.
enum At {
    Url(String),
    Function {
        name: String,
        version: String,
    },
    /// The release has nothing that the test could call.
    Nothing(Refusal),
}

impl JustMoved<'_> {
    /// Its smoke test.
    pub(crate) fn tested(&self, smoke: &Smoke) -> SmokeTest {
        let Self { target, pipeline, stage, release, artifact, set, before } = *self;
        let vain = |what: String, hint: &str| {
            let hint =
                format!("{hint}, or an admin changes the test: `/stage set {pipeline} {stage} smoke=off`.");
            let act = plain(&smoke.act());
            At::Nothing(Refusal::new(
                "smoke-test-unfit",
                format!("`{stage}` is tested with `{act}` after each move, and `{release}` {what}."),
                hint,
            ))
        };
        let at = match smoke {
            Smoke::Request { path, .. } => match &set.api {
                Some(api) => At::Url(format!("{}{path}", stage_url(api, stage).trim_end_matches('/'))),
                None => vain("has no route to ask".into(), "Give it a route"),
            },
            Smoke::Invoke { function, .. } => {
                let name = function_name(pipeline, function);
                match set.versions.get(&name).filter(|_| artifact.code.contains_key(function)) {
                    Some(version) => At::Function { version: version.clone(), name },
                    None => {
                        let known: Vec<String> =
                            artifact.code.keys().take(NAMED).map(|known| format!("`{known}`")).collect();
                        vain(format!("has no such function; it has {}", known.join(", ")), "Give it one")
                    }
                }
            }
        };
        SmokeTest { target: target.clone(), stage: stage.clone(), smoke: smoke.clone(), at, before }
    }
}

/// Whether a stage's test is still the one that the operation was requested with. A test that was switched off since does no harm.
pub(crate) fn same_smoke(asked: Option<&Smoke>, policy: &Policy, stage: &StageName) -> Result<(), Refusal> {
    if policy.smoke.is_none() || policy.smoke.as_ref() == asked {
        return Ok(());
    }
    Err(Refusal::new(
        VOID,
        format!("The smoke test of `{stage}` changed since this was asked."),
        "Ask again if you still want it.",
    ))
}

impl SmokeTest {
    /// Whether this release cannot pass it at all. The operation then fails before anything moves and before anybody is asked to approve.
    pub(crate) fn is_vain(&self) -> bool {
        matches!(self.at, At::Nothing(_))
    }

    /// Its step, after these. It holds the stage's slot, unless the test cannot pass.
    pub(crate) fn node(self, after: &[StepId]) -> Node {
        let title = Text::plain("Run smoke test ").code(self.smoke.act());
        let slot = (!self.is_vain()).then(|| Slot::Stage(self.stage.clone()));
        let node = Node::new(StepId::new(SMOKE), title, self).after(after.iter().cloned());
        slot.into_iter().fold(node, Node::holding)
    }

    /// One try; if it fails, what was seen instead.
    async fn tried(&self, cx: &Context) -> Result<Option<String>, EngineError> {
        match (&self.at, &self.smoke) {
            (At::Url(url), Smoke::Request { method, status: wanted, .. }) => {
                Ok(match cx.world.probe.request(*method, url).await {
                    Reply::Answered { status, .. } if status == *wanted => None,
                    Reply::Answered { status, body } => {
                        Some(format!("answered {status}, not {wanted}{}", quoted(&body)))
                    }
                    Reply::Silent(why) => Some(format!("was not answered: {why}")),
                })
            }
            (At::Function { name, version }, Smoke::Invoke { event, .. }) => {
                let event = event.as_deref().unwrap_or("{}");
                // Lambda's own timeout ends sooner.
                let functions = &cx.world.functions;
                match functions.invoke(&self.target, name, self.stage.as_str(), event, PATIENCE).await {
                    Ok(invoked) => Ok(match (invoked.version, invoked.error) {
                        (Some(other), _) if other != *version => {
                            Some(format!("was answered by version {other}, not {version}"))
                        }
                        (_, Some(error)) => Some(format!("failed{}", quoted(&error))),
                        (_, None) => None,
                    }),
                    Err(error) if matches!(error.class, Class::Denied | Class::Invalid) => Err(error.into()),
                    Err(error) => Ok(Some(format!("had no answer of {} ({})", error.call, error.code))),
                }
            }
            (At::Nothing(refusal), _) => Err(EngineError::Refused(refusal.clone())),
            _ => Err(EngineError::Corrupt("a smoke test that asks what it is not about".into())),
        }
    }

    /// The refusal after a failed test: `seen` follows the name of the test.
    pub(crate) fn failed(&self, seen: &str) -> Refusal {
        let Self { stage, smoke, before, .. } = self;
        let runs = before.map_or("nothing".to_owned(), |before| format!("`{before}`"));
        Refusal::new(
            "smoke-test-failed",
            format!("`{stage}` did not pass its smoke test: `{}` {seen}.", plain(&smoke.act())),
            format!(
                "`{stage}` runs {runs}, as before. Fix the release, build and deploy it, then try again."
            ),
        )
    }
}

/// The first line of an answer, shortened, after a colon; empty if the answer is.
pub(crate) fn quoted(body: &str) -> String {
    let line = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    if clean.is_empty() {
        return String::new();
    }
    let mut shown: String = clean.chars().take(SHOWN).collect();
    if shown.len() < clean.len() {
        shown.push('…');
    }
    format!(": {}", plain(&shown).trim_end_matches('.'))
}

#[async_trait]
impl Step for SmokeTest {
    fn effect(&self) -> Effect {
        match self.at {
            At::Function { .. } => Effect::Mutate(&INVOKE),
            At::Url(_) | At::Nothing(_) => Effect::Look,
        }
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let is_request = matches!(self.at, At::Url(_));
        let is_stale = is_request && cx.begun.elapsed() < STALE;
        let mut failed = self.tried(cx).await?;
        let passes = if is_request && !is_stale { PASSES } else { 1 };
        for _ in 1..passes {
            if failed.is_none() {
                failed = self.tried(cx).await?;
            }
        }
        let Some(seen) = failed else {
            if is_stale {
                let note = Text::plain("passed, and is asked again");
                return Ok(Progress::NotYet { after: AGAIN, note: Some(note) });
            }
            return Progress::done(());
        };
        if cx.begun.elapsed() < PATIENCE {
            return Ok(Progress::NotYet { after: AGAIN, note: Some(Text::plain(seen)) });
        }
        Err(EngineError::Refused(self.failed(&seen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_quoted_as_one_short_line_without_marks() {
        assert_eq!(quoted(""), "");
        assert_eq!(quoted(" \n\u{7}\n"), "");
        assert_eq!(quoted("\n  <@U0ANN> said `no`.\nand more"), ": @U0ANN> said 'no'");
        let long = quoted(&"ü".repeat(500));
        assert_eq!((long.chars().count(), long.ends_with('…')), (SHOWN + 3, true));
    }

    #[test]
    fn a_smoke_test_that_changed_since_the_request_voids_it() {
        let stage = "prod".parse().unwrap();
        let policy = |smoke: &str| {
            let mut policy = Policy::of(true);
            policy.set("smoke", smoke, &Policy::of(true)).unwrap();
            policy
        };
        let health: Smoke = "GET /health".parse().unwrap();
        let code = |asked: Option<&Smoke>, now: &str| {
            same_smoke(asked, &policy(now), &stage).map_err(|refusal| refusal.code)
        };
        assert_eq!(code(Some(&health), "GET /health 200"), Ok(()));
        assert_eq!(code(None, "off"), Ok(()));
        assert_eq!(code(Some(&health), "off"), Ok(()), "it is run all the same");
        assert_eq!(code(Some(&health), "GET /health 204"), Err(VOID.into()));
        assert_eq!(code(None, "GET /health"), Err(VOID.into()));
    }
}
