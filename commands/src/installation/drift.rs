//! Drift detection: compares the recorded stages of a pipeline with AWS. Reading commands show what was moved outside Sluice,
//! and since when. A command that would change such a stage needs a confirmation first.
//!
//! A comparison makes one call for each function, which returns its aliases for all stages, and one for each API stage.
//! Reading commands use a comparison that is at most one minute old; before a stage is changed, a new one is made. A
//! pipeline has one comparison at a time. It continues after an answer that did not wait for it, and is not repeated for
//! some seconds after a failure. A stage that is being changed is not compared: its operation observes AWS itself before
//! each change (`resources/watch.rs`), and ends if it finds something unexpected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use crate::installation::{Installation, Reject};
use crate::operation::{Engine, EngineError, marked};
use crate::ports::{Guard, Precondition, StoreError, Write};
use crate::records::{PipelineState, REVISION, VersionSet, from_item, revised};
use crate::resources::{MOVED_OUTSIDE, Seen, Surveyed, is_in_doubt, mark, mover};
use crate::rules::{Drift, ObservedDrift, Recorded};
use crate::{names, resources};
use sluice_grammar::{Command, DeployCommand};
use sluice_model::{
    Button, ButtonStyle, Card, Click, Confirmed, PipelineName, PortError, StageName, Text, Tone,
};
use sluice_template::function_name;

/// The maximum age of a comparison for reading commands.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How many calls run in parallel. Lambda's control plane accepts about 15 per second.
const SIDE_BY_SIDE: usize = 8;
/// How long an answer waits for a comparison. Slack waits for 3 s in total, and the store needs some of that.
const PATIENCE: Duration = Duration::from_millis(1_200);
/// How many pipelines are cached.
const KEPT: usize = 500;

/// How long after a failure no new comparison is made.
const FAILED: SignedDuration = SignedDuration::from_secs(15);
/// The longest time for a comparison, including the time after the answer.
const LONGEST: Duration = Duration::from_secs(60);

/// The latest comparison of each pipeline, in memory only.
#[derive(Default)]
pub(crate) struct DriftCache(Mutex<BTreeMap<PipelineName, Kept>>);

/// The cache entry of a pipeline.
#[derive(Default)]
struct Kept {
    latest: Option<Look>,
    /// The time and reason of the last failure.
    failed: Option<(Timestamp, String)>,
    /// The result of the comparison that is in progress.
    under_way: Option<watch::Receiver<Option<DriftReport>>>,
}

/// A finished comparison.
#[derive(Clone)]
struct Look {
    at: Timestamp,
    /// The drift of each compared stage, with a mark that changes whenever Sluice changes the stage.
    stages: BTreeMap<StageName, (Value, Drift)>,
}

/// The result of a comparison.
#[derive(Clone)]
pub(crate) enum DriftReport {
    /// The time at which AWS answered, and the compared stages with their drift.
    Seen(Timestamp, BTreeMap<StageName, Option<ObservedDrift>>),
    /// AWS did not answer, with the reason.
    Unknown(String),
}

impl DriftCache {
    fn with<T>(&self, name: &PipelineName, act: impl FnOnce(&mut Kept) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT && !all.contains_key(name) {
            let at = |kept: &Kept| kept.latest.as_ref().map(|look| look.at);
            let idle = all.iter().filter(|(_, kept)| kept.under_way.is_none());
            if let Some(oldest) = idle.min_by_key(|(_, kept)| at(kept)).map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        act(all.entry(name.clone()).or_default())
    }

    fn of(&self, name: &PipelineName) -> Option<Look> {
        self.with(name, |kept| kept.latest.clone())
    }

    fn keep(&self, name: &PipelineName, look: Look) {
        self.with(name, |kept| (kept.latest, kept.failed) = (Some(look), None));
    }
}

impl Look {
    /// Whether it is still valid for a stage: Sluice has not changed the stage since.
    fn holds(&self, state: &PipelineState, stage: &StageName) -> bool {
        self.stages.get(stage).is_some_and(|(before, _)| *before == mark(stage, state))
    }
}

/// A stage's drift, and since when it is known.
pub(crate) fn moved(stage: &StageName, outside: &ObservedDrift) -> Text {
    let text = Text::default().code(stage.as_str()).then(" was moved outside Sluice: ");
    let text = text.join(marked(&outside.drift.words(stage))).then("; first seen ").time(outside.first_seen);
    match outside.last_right {
        Some(right) => text.then(", last seen as recorded ").time(right).then("."),
        None => text.then("."),
    }
}

impl Installation {
    /// The comparison of a pipeline, at most one minute old.
    pub(crate) async fn drift_report(
        &self,
        name: &PipelineName,
        state: &PipelineState,
    ) -> Result<DriftReport, Reject> {
        match self.known(name, state) {
            Some(drift_report) => Ok(drift_report),
            None => self.look(name, state).await,
        }
    }

    /// The same if it is cached.
    fn known(&self, name: &PipelineName, state: &PipelineState) -> Option<DriftReport> {
        let look = self.looks.of(name)?;
        let is_fresh = self.engine.world().clock.now().duration_since(look.at) < FRESH;
        let mut stages = state.stages.keys().filter(|stage| mover(state, stage).is_none());
        (is_fresh && stages.all(|stage| look.holds(state, stage))).then(|| told(&look, state, None))
    }

    /// Starts a comparison, unless one is in progress or has just failed. Waits for its result, at most `PATIENCE`.
    async fn look(&self, name: &PipelineName, state: &PipelineState) -> Result<DriftReport, Reject> {
        let world = self.engine.world();
        let now = world.clock.now();
        let (sender, receiver) = watch::channel(None);
        let looker = self.looker();
        let begun = self.looks.with(name, |kept| {
            if let Some((at, why)) = &kept.failed
                && now.duration_since(*at) < FAILED
            {
                return Err(why.clone());
            }
            match &kept.under_way {
                // If the task of a comparison is gone, its channel is closed.
                Some(under_way) if under_way.has_changed().is_ok() => Ok((under_way.clone(), false)),
                _ => {
                    kept.under_way = Some(receiver.clone());
                    Ok((receiver, true))
                }
            }
        });
        let (mut under_way, is_mine) = match begun {
            Ok(begun) => begun,
            Err(why) => return Ok(DriftReport::Unknown(why)),
        };
        if is_mine {
            let (name, state) = (name.clone(), state.clone());
            world.background.spawn(Box::pin(async move {
                let looked = tokio::time::timeout(LONGEST, looker.look(&name, &state, None)).await;
                let drift_report = match looked {
                    Ok(Ok(drift_report)) => drift_report,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, pipeline = %name, "its stages could not be compared");
                        DriftReport::Unknown("its records could not be read".into())
                    }
                    Err(_) => DriftReport::Unknown("it did not answer in time".into()),
                };
                let at = looker.engine.world().clock.now();
                looker.looks.with(&name, |kept| {
                    kept.under_way = None;
                    if let DriftReport::Unknown(why) = &drift_report {
                        kept.failed = Some((at, why.clone()));
                    }
                });
                sender.send_replace(Some(drift_report));
            }));
        }
        let answered = tokio::time::timeout(PATIENCE, under_way.wait_for(Option::is_some)).await;
        let drift_report = answered.ok().and_then(Result::ok).and_then(|drift_report| drift_report.clone());
        Ok(drift_report.unwrap_or_else(|| {
            DriftReport::Unknown("AWS did not answer in time; try again in a moment".into())
        }))
    }

    /// Compares a stage that runs nothing yet, for the functions that will be deployed to it.
    async fn look_at_first(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        first: (&StageName, &BTreeSet<String>),
    ) -> Result<DriftReport, Reject> {
        match tokio::time::timeout(PATIENCE, self.looker().look(name, state, Some(first))).await {
            Ok(drift_report) => Ok(drift_report?),
            Err(_) => Ok(DriftReport::Unknown("it did not answer in time".into())),
        }
    }

    fn looker(&self) -> Looker {
        Looker { engine: Arc::clone(&self.engine), looks: Arc::clone(&self.looks) }
    }
}

/// Makes the comparison, which may continue after the answer.
struct Looker {
    engine: Arc<Engine>,
    looks: Arc<DriftCache>,
}

impl Looker {
    /// Compares now, and records drift with its time. `first` has the functions that will be deployed to a stage that runs
    /// nothing yet: without it, aliases that were created outside Sluice would be missed.
    async fn look(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        first: Option<(&StageName, &BTreeSet<String>)>,
    ) -> Result<DriftReport, EngineError> {
        let world = self.engine.world();
        let quiet: BTreeSet<&StageName> =
            state.stages.keys().filter(|stage| mover(state, stage).is_none()).collect();
        let recorded = self.recorded(name, state, &quiet).await?;
        let at = world.clock.now();
        let shown = match self.shown(&recorded, state, first).await {
            Ok(shown) => shown,
            Err(error) => {
                tracing::warn!(%error, pipeline = %name, "its stages could not be compared with AWS");
                return Ok(DriftReport::Unknown(format!("{} failed ({})", error.call, error.code)));
            }
        };
        let drift = |(stage, recorded): (&StageName, &Recorded)| {
            let drift = shown.get(stage).map(|seen| resources::drift(recorded, seen));
            (stage.clone(), drift.unwrap_or_default())
        };
        let mut drifts: BTreeMap<_, _> = recorded.iter().map(drift).collect();
        if drifts.values().any(|drift| !drift.is_none()) {
            // An operation may have changed the stage meanwhile or just before.
            let after = PipelineState::read(&*world.store, &world.keys, name).await?;
            let settled = at - world.settings.settle;
            for (stage, drift) in std::mem::take(&mut drifts) {
                let current = after.stages.get(&stage).and_then(|stage| stage.current.as_ref());
                let is_still = mark(&stage, state) == mark(&stage, &after)
                    && mover(&after, &stage).is_none()
                    && current.is_none_or(|current| current.since <= settled);
                if drift.is_none() || is_still && !is_in_doubt(world, &after, &stage).await? {
                    drifts.insert(stage, drift);
                }
            }
        }
        let before = self.looks.of(name);
        let stages = drifts.into_iter().map(|(stage, drift)| (stage.clone(), (mark(&stage, state), drift)));
        let mut look = Look { at, stages: stages.collect() };
        let drift_report = told(&look, state, before.as_ref());
        // The drift of a stage that runs nothing depends on `first`, so it is not cached.
        look.stages.retain(|stage, (_, drift)| !recorded[stage].is_empty() || drift.is_none());
        self.note(name, state, &look, &drift_report).await;
        self.looks.keep(name, look);
        Ok(drift_report)
    }

    /// The records of these stages: one request.
    async fn recorded(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        stages: &BTreeSet<&StageName>,
    ) -> Result<BTreeMap<StageName, Recorded>, StoreError> {
        let world = self.engine.world();
        let stages = stages.iter().filter_map(|stage| state.stages.get(*stage));
        let stages: Vec<_> = stages
            .map(|stage| {
                let current = stage.current.as_ref();
                (stage, current.map(|current| world.keys.version_set(name, current.release, &stage.name)))
            })
            .collect();
        let wanted: Vec<_> = stages.iter().filter_map(|(_, key)| key.clone()).collect();
        let found = if wanted.is_empty() { vec![] } else { world.store.get_many(&wanted).await? };
        let mut recorded = BTreeMap::new();
        for (stage, key) in stages {
            let set = found.iter().find(|item| Some(&item.key) == key.as_ref());
            let set: Option<VersionSet> = set.map(from_item).transpose()?;
            recorded.insert(stage.name.clone(), Recorded::of(stage, set.as_ref()));
        }
        Ok(recorded)
    }

    /// What AWS says of these stages.
    async fn shown(
        &self,
        recorded: &BTreeMap<StageName, Recorded>,
        state: &PipelineState,
        first: Option<(&StageName, &BTreeSet<String>)>,
    ) -> Result<BTreeMap<StageName, Seen>, PortError> {
        let world = self.engine.world();
        let of_all = || recorded.values().flat_map(Recorded::functions).cloned();
        let currents = state.stages.values().filter_map(|stage| stage.current.as_ref());
        let any_api = currents.filter_map(|current| current.api.as_ref()).next();
        let surveyed = recorded.iter().map(|(stage, recorded)| {
            let first = first.filter(|(first, _)| *first == stage).map(|(_, functions)| functions);
            let api = recorded.api().or(any_api.filter(|_| first.is_some() && recorded.is_empty()));
            let functions = match first {
                Some(first) => first.iter().cloned().chain(of_all()).collect(),
                None => recorded.functions().cloned().collect(),
            };
            Surveyed { stage: stage.clone(), functions, api: api.cloned() }
        });
        let surveyed: Vec<_> = surveyed.collect();
        let calls = resources::survey(world, &surveyed);
        let shown: Vec<_> = stream::iter(calls).buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
        let mut seen = BTreeMap::<StageName, Seen>::new();
        for (stage, more) in shown.into_iter().flatten() {
            let before = seen.remove(&stage).unwrap_or_default();
            seen.insert(stage, before.and(more));
        }
        Ok(seen)
    }

    /// Records drift when it is first seen, and its end. A failed write is only logged: another process may have been
    /// faster, and no answer depends on it.
    async fn note(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        look: &Look,
        drift_report: &DriftReport,
    ) {
        let DriftReport::Seen(_, outside) = drift_report else { return };
        let world = self.engine.world();
        for stage in look.stages.keys() {
            let key = world.keys.drift(name, stage);
            let revision = state.revisions.get(&key.sort).copied().unwrap_or(0);
            let write = match (state.outside.get(stage), outside.get(stage).and_then(Option::as_ref)) {
                (Some(before), Some(now)) if before == now => continue,
                (None, None) => continue,
                (_, Some(now)) => revised(key, revision, now),
                (Some(_), None) => {
                    let when = [(REVISION.to_owned(), Guard::Number(revision))].into();
                    Ok(Write::Delete { key, when: Precondition::Equals(when) })
                }
            };
            let written = match write {
                Ok(write) => world.store.write(write).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(()) | Err(StoreError::Lost(_)) => {}
                Err(error) => tracing::warn!(%error, %name, %stage, "drift could not be recorded"),
            }
        }
    }
}

impl Installation {
    /// Requires a confirmation for a change of a stage that was moved outside Sluice. Returns the drift that was confirmed.
    /// `seen` is the digest of the drift that the author saw.
    pub(crate) async fn ask_first(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        command: &Command,
        params: &Value,
        seen: Option<&str>,
    ) -> Result<Option<Drift>, Reject> {
        let Some(anyway) = command.accepts_drift() else { return Ok(None) };
        let first = state.pipeline.as_ref().and_then(|pipeline| pipeline.stages.first());
        let named = command.stage();
        let stage = named.as_ref().or(first);
        let Some(stage) = stage else { return Ok(None) };
        // A deploy observes the aliases itself, so it gets no extra comparison unless drift is already known.
        let is_deploy = matches!(command, Command::Deploy(DeployCommand::Deploy { .. }));
        let drift_report = match self.known(name, state) {
            Some(known) if is_deploy && !anyway => known,
            None if is_deploy && !anyway && !state.outside.contains_key(stage) => return Ok(None),
            _ => {
                let artifact = params.pointer("/release/artifact/code").or(params.pointer("/artifact/code"));
                let functions = artifact.and_then(Value::as_object).into_iter().flatten();
                let functions = functions.map(|(logical, _)| function_name(name, logical)).collect();
                let runs = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
                match runs {
                    None => self.look_at_first(name, state, (stage, &functions)).await?,
                    Some(_) => self.look(name, state).await?,
                }
            }
        };
        // If AWS does not answer in time, a comparison of the last minute counts. Without one, the operation's own
        // observations decide.
        let drift_report = match drift_report {
            DriftReport::Unknown(_) => self.known(name, state),
            seen @ DriftReport::Seen(..) => Some(seen),
        };
        let Some(DriftReport::Seen(_, mut stages)) = drift_report else { return Ok(None) };
        let Some(outside) = stages.remove(stage).flatten() else { return Ok(None) };
        let digest = digest(&outside.drift);
        if anyway && seen.is_none_or(|seen| seen == digest) {
            return Ok(Some(outside.drift));
        }
        Err(Reject::say(question(name, stage, command, &outside, &digest)))
    }
}

/// The report of a comparison. Known drift keeps its recorded times; new drift gets the current time.
fn told(look: &Look, state: &PipelineState, before: Option<&Look>) -> DriftReport {
    let stages = look.stages.iter().map(|(stage, (now, drift))| {
        if drift.is_none() {
            return (stage.clone(), None);
        }
        let known = state.outside.get(stage);
        if let Some(known) = known.filter(|known| known.drift == *drift) {
            return (stage.clone(), Some(known.clone()));
        }
        let current = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
        let seen_right = before.filter(|before| {
            before.stages.get(stage).is_some_and(|(then, drift)| then == now && drift.is_none())
        });
        let last_right = match known {
            Some(known) => known.last_right,
            None => seen_right.map(|before| before.at).max(current.map(|current| current.since)),
        };
        (stage.clone(), Some(ObservedDrift { drift: drift.clone(), first_seen: look.at, last_right }))
    });
    DriftReport::Seen(look.at, stages.collect())
}

/// By it a click knows whether what it was about is still so.
fn digest(drift: &Drift) -> String {
    names::short_digest(&[&serde_json::to_string(drift).unwrap_or_default()])
}

fn question(
    name: &PipelineName,
    stage: &StageName,
    command: &Command,
    outside: &ObservedDrift,
    digest: &str,
) -> Card {
    let line = command.clone().anyway().to_string();
    let title = format!("Stage `{stage}` of `{name}` was moved outside Sluice, so nothing was started.");
    let what = format!("To continue anyway, run `{line}`.");
    let asked = format!("{line} will overwrite what was moved outside Sluice on {stage}.");
    let click = Click::AcceptDrift(Confirmed { seen: digest.to_owned(), line });
    let go = Button::new(&click, "Go on anyway").style(ButtonStyle::Danger).asking(asked, "Go on");
    Card::new(Tone::Bad, marked(&title))
        .text(moved(stage, outside))
        .hint(Text::plain("Check who moved it, and why. ").join(marked(&what)))
        .button(go)
        .foot(Text::plain("code ").code(MOVED_OUTSIDE))
}
