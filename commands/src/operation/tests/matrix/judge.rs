//! Invariants: they must hold once everything has settled, whatever happened before (DESIGN 1).

use std::collections::{BTreeMap, BTreeSet};

use super::super::harness::Shared;
use super::cases::Clean;
use super::fixture::Fixture;
use super::scenarios::Scenario;
use crate::names;
use crate::operation::{Head, Keys, STAGE_REMOVE, Status};
use crate::ports::{Item, SeparateSetting, Update};
use crate::records::{Act, AuditRecord, PipelineState, Release, VersionSet, from_item};
use crate::resources::{left_serving, left_settings};
use crate::testing::fake_aws::Serving;
use crate::testing::samples::API;
use crate::testing::target;
use sluice_model::{OperationId, PipelineName, StageName, Tone};
use sluice_template::function_name;

impl Shared {
    fn record<T: serde::de::DeserializeOwned>(&self, key: &crate::ports::Key) -> Option<T> {
        Some(from_item(&self.store.item(key)?).unwrap())
    }

    /// The last update of an operation by any process.
    pub(super) fn last_update(&self, id: &OperationId) -> Option<Update> {
        let notifiers = self.notifiers.lock().unwrap();
        let updates =
            notifiers.iter().flat_map(|notifier| notifier.updates()).filter(|update| update.operation == *id);
        updates.max_by_key(|update| update.sequence)
    }

    /// The violated invariants of these operations.
    pub(super) async fn violations(&self, heads: &[Head]) -> Vec<String> {
        self.store.clear_faults();
        let mut wrong = vec![];
        if !self.is_settled() {
            wrong.push("something is still due".to_owned());
        }
        for head in heads {
            let id = &head.id;
            let op = self.op(id).await;
            if !head.status.is_final() || op.status() != head.status {
                wrong.push(format!("{id}: the head says {:?}, the journal {:?}", head.status, op.status()));
                continue;
            }
            for (step, fact) in op.steps() {
                if fact.is_uncertain() {
                    wrong.push(format!("{id}: {step} is uncertain at the end"));
                }
            }
            self.check_audit(head, &mut wrong);
            self.check_last_update(head, &mut wrong);
        }
        let state = self.state().await;
        if !state.queue.slots.is_empty() || !state.queue.tickets.is_empty() {
            wrong.push(format!("left over: {:?} {:?}", state.queue.slots, state.queue.tickets));
        }
        wrong.extend(self.fake_aws.doubled().into_iter().map(|what| format!("twice: {what}")));
        wrong
    }

    /// The history has one acceptance and one end.
    fn check_audit(&self, head: &Head, wrong: &mut Vec<String>) {
        let partition = Keys::new(&target()).audit_partition(&head.spec.pipeline);
        let about = format!("/{}/", head.id);
        let mut records = self.store.audit();
        records.retain(|item| item.key.partition == partition && item.key.sort.contains(&about));
        let acts: Vec<Act> = records.iter().map(|item| from_item::<AuditRecord>(item).unwrap().act).collect();
        let count = |wanted: Act| acts.iter().filter(|act| **act == wanted).count();
        let end = if head.status == Status::Succeeded { Act::Succeeded } else { Act::Failed };
        if count(Act::Asked) != 1 || count(end) != 1 {
            wrong.push(format!("{}: the history has {acts:?}", head.id));
        }
    }

    /// The last update is the recorded end.
    fn check_last_update(&self, head: &Head, wrong: &mut Vec<String>) {
        let Some(update) = self.last_update(&head.id) else { return };
        let tone = if head.status == Status::Succeeded { Tone::Good } else { Tone::Bad };
        if !update.is_over() || update.sequence != head.sequence || update.card.tone != tone {
            wrong.push(format!(
                "{}: last update: row {} of {}, {:?}, last {}",
                head.id,
                update.sequence,
                head.sequence,
                update.card.title,
                update.is_over()
            ));
        }
    }

    /// Whether an operation could not take an API out of service.
    async fn has_left_an_api(&self) -> bool {
        for head in self.heads() {
            if !left_serving(&self.op(&head.id).await).is_empty() {
                return true;
            }
        }
        false
    }

    /// Whether an operation left a setting of a function as somebody set it.
    async fn has_left_a_setting(&self) -> bool {
        for head in self.heads() {
            if !left_settings(&self.op(&head.id).await).is_empty() {
                return true;
            }
        }
        false
    }

    /// Where records and AWS differ: the release of each stage's record, and the versions that its aliases and API serve.
    pub(super) async fn disagreements(&self) -> Vec<String> {
        let (keys, name) = (Keys::new(&target()), "orders".parse().unwrap());
        let state = PipelineState::read(&*self.store, &keys, &name).await.unwrap();
        let serving = self.fake_aws.serving();
        let mut wrong = vec![];
        for (stage, record) in &state.stages {
            if let Some(mixed) = &record.mixed {
                let of = |function: &String| serving.aliases.get(&format!("{function}:{stage}"));
                let is_served = serving.apis.contains_key(&names::api(&name, stage, API));
                if mixed.is_empty() && !is_served
                    || mixed.iter().any(|(function, version)| of(function) != Some(version))
                {
                    wrong.push(format!("{stage} is recorded as mixed, {mixed:?}, but {serving:?}"));
                }
                continue;
            }
            let Some(current) = &record.current else {
                let stray = serving.of_stage(stage.as_str());
                if !stray.is_empty() {
                    wrong.push(format!("{stage} runs nothing, but {stray:?} serve"));
                }
                continue;
            };
            let set: Option<VersionSet> = self.record(&keys.version_set(&name, current.release, stage));
            let release: Option<Release> = self.record(&keys.release(&name, current.release));
            let (Some(set), Some(release)) = (set, release) else {
                wrong.push(format!("{stage} runs {}, which is not recorded", current.release));
                continue;
            };
            for (logical, code) in &release.artifact.code {
                let function = function_name(&name, stage, logical);
                let (alias, version) = (format!("{function}:{stage}"), set.versions.get(&function));
                if serving.aliases.get(&alias) != version {
                    wrong.push(format!(
                        "{alias} is at {:?}, recorded {version:?}",
                        serving.aliases.get(&alias)
                    ));
                }
                let is = version.and_then(|version| self.fake_aws.version_of(&function, version));
                if is.as_deref() != Some(format!("{} {stage}", code.sha256()).as_str()) {
                    wrong.push(format!("{function} version {version:?} is {is:?}"));
                }
                let selected = set.apis.get(API).and_then(|api| api.served.variables.get(logical));
                if selected.is_some_and(|selected| Some(selected) != version) {
                    wrong.push(format!(
                        "the API of {stage} calls {logical} {selected:?}, recorded {version:?}"
                    ));
                }
            }
            for function in set.versions.keys() {
                for setting in SeparateSetting::ALL.into_iter().filter(|setting| !setting.is_of_version()) {
                    let recorded = current.settings.get(function).and_then(|settings| settings.get(&setting));
                    let has = serving.separate.get(&(function.clone(), setting));
                    if has != recorded && !self.has_left_a_setting().await {
                        wrong.push(format!("{function} has {setting:?} {has:?}, recorded {recorded:?}"));
                    }
                }
            }
            for (logical, api) in &set.apis {
                let at = serving.apis.get(&names::api(&name, stage, logical));
                if at != Some(&api.served) {
                    wrong.push(format!("the API of {stage} serves {at:?}, recorded {:?}", api.served));
                }
                let has = serving.settings.get(&names::api(&name, stage, logical));
                if has != Some(&api.settings) {
                    wrong.push(format!("the API of {stage} has {has:?}, recorded {:?}", api.settings));
                }
            }
            let recorded: BTreeSet<_> =
                set.apis.keys().map(|logical| names::api(&name, stage, logical)).collect();
            let of_stage = format!("sluice-{name}-{stage}-");
            let is_stray = |api: &&String| api.starts_with(&of_stage) && !recorded.contains(*api);
            for api in serving.apis.keys().filter(is_stray) {
                // API Gateway may refuse to delete the stage of an API: the message names it then.
                if !self.has_left_an_api().await {
                    wrong.push(format!("{api} serves, but {} does not have it", current.release));
                }
            }
        }
        wrong
    }

    /// Nothing of the stage is left, neither in AWS nor in the records.
    pub(super) async fn assert_removed(&self, stage: &str, context: &str) {
        let (name, stage): (PipelineName, StageName) = ("orders".parse().unwrap(), stage.parse().unwrap());
        assert_eq!(self.fake_aws.things_of(&name, &stage), Vec::<String>::new(), "{context}");
        let state = self.state().await;
        assert!(!state.pipeline.unwrap().stages.contains(&stage), "{context}");
        let of_stage = format!("/{stage}");
        let is_slot = |item: &Item| item.key.sort.starts_with("slot/");
        let left: Vec<_> =
            self.store.items().into_iter().filter(|item| !is_slot(item)).map(|item| item.key.sort).collect();
        let left: Vec<_> = left.into_iter().filter(|sort| sort.ends_with(&of_stage)).collect();
        assert_eq!(left, Vec::<String>::new(), "{context}");
    }

    /// What failed operations left behind: builds that ran on after their operations had ended.
    pub(super) async fn leftovers(&self, fixture: &Fixture) -> Vec<String> {
        let mut wrong = vec![];
        for head in self.new_heads(fixture) {
            let op = self.op(&head.id).await;
            if let Some((ended, false)) = op.ended
                && self.fake_aws.builds_beyond(&head.id.to_string(), ended) > 0
            {
                wrong.push(format!("the build of {} ran on after that had ended", head.id));
            }
        }
        wrong
    }

    /// The operations that the fixture does not have.
    pub(super) fn new_heads(&self, fixture: &Fixture) -> Vec<Head> {
        let known = fixture.known();
        self.heads().into_iter().filter(|head| !known.contains(&head.id)).collect()
    }
}

impl Serving {
    /// What serves on a stage.
    fn of_stage(&self, stage: &str) -> Vec<String> {
        let aliases = self.aliases.keys().filter(|alias| alias.ends_with(&format!(":{stage}")));
        let apis = self.apis.keys().filter(|api| api.starts_with(&format!("sluice-orders-{stage}-")));
        aliases.chain(apis).cloned().collect()
    }

    /// The aliases and APIs that serve something else than before.
    fn changed(&self, before: &Serving) -> BTreeSet<String> {
        fn differ<T: PartialEq>(now: &BTreeMap<String, T>, before: &BTreeMap<String, T>) -> Vec<String> {
            let all: BTreeSet<_> = now.keys().chain(before.keys()).cloned().collect();
            all.into_iter().filter(|key| now.get(key) != before.get(key)).collect()
        }
        let apis =
            differ(&self.apis, &before.apis).into_iter().chain(differ(&self.settings, &before.settings));
        // Those of versions may stay on a version that nobody calls.
        let of_functions = |serving: &Serving| {
            let separate = serving.separate.iter().filter(|((_, setting), _)| !setting.is_of_version());
            let separate = separate
                .map(|((function, setting), value)| (format!("{function}:{setting:?}"), value.clone()));
            separate.collect::<BTreeMap<_, _>>()
        };
        let separate = differ(&of_functions(self), &of_functions(before));
        differ(&self.aliases, &before.aliases).into_iter().chain(apis).chain(separate).collect()
    }
}

/// One operation, settled and succeeded, with all that it should have done.
pub(super) async fn success(shared: &Shared, scenario: &Scenario, fixture: &Fixture, context: &str) {
    let heads = shared.new_heads(fixture);
    assert_eq!(heads.len(), 1, "{}: {context}: one delivery, one operation", scenario.name);
    let journal = shared.journal(&heads[0].id);
    let context = format!("{}: {context}: {journal:#?}", scenario.name);
    assert_eq!(heads[0].status, Status::Succeeded, "{context}");
    assert_eq!(shared.violations(&heads).await, Vec::<String>::new(), "{context}");
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
    assert_eq!(shared.fake_aws.repeated(), vec![], "{context}");
    if scenario.kind == STAGE_REMOVE {
        shared.assert_removed("prod", &context).await;
    }
    if let Some((stage, release)) = scenario.runs {
        let state = shared.state().await;
        let current = state.stages[&stage.parse().unwrap()].current.clone();
        assert_eq!(current.map(|current| current.release.0), Some(release), "{context}");
    }
}

/// As [`success`], and no call took effect more or less often than in an undisturbed run.
pub(super) async fn same(
    shared: &Shared,
    scenario: &Scenario,
    fixture: &Fixture,
    clean: &Clean,
    context: &str,
) {
    success(shared, scenario, fixture, context).await;
    assert_eq!(super::cases::effects(shared), clean.effects, "{}: {context}: effects", scenario.name);
}

/// One operation, settled with any result. A failed one changed nothing that serves.
pub(super) async fn rest(shared: &Shared, scenario: &Scenario, fixture: &Fixture, context: &str) -> Status {
    let heads = shared.new_heads(fixture);
    assert_eq!(heads.len(), 1, "{}: {context}: one delivery, one operation", scenario.name);
    let head = &heads[0];
    if head.status == Status::Succeeded {
        success(shared, scenario, fixture, context).await;
        return head.status;
    }
    let context = format!("{}: {context}: {:#?}", scenario.name, shared.journal(&head.id));
    assert_eq!(shared.violations(&heads).await, Vec::<String>::new(), "{context}");
    assert_eq!(shared.fake_aws.repeated(), vec![], "{context}");
    let changed = shared.fake_aws.serving().changed(&fixture.fake_aws.serving());
    assert_eq!(changed, BTreeSet::new(), "{context}: it failed, and this does not serve as before");
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
    head.status
}
