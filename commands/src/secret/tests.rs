//! Secrets are stored under the stage, by admins, recorded, and shown nowhere.

use std::sync::Arc;

use super::*;
use crate::operation::Settings;
use crate::records::from_item;
use crate::testing::fake_aws::{FakeAws, Faults};
use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, samples, world};

const VALUE: &str = "hunter2-very-secret";
const PARAMETER: &str = "/sluice/orders/prod/API_KEY";

/// A pipeline with a stage, and AWS.
struct Office {
    world: World,
    store: Arc<MemoryStore>,
    fake_aws: Arc<FakeAws>,
}

impl Office {
    async fn new() -> Self {
        let (store, clock) =
            (Arc::new(MemoryStore::new()), Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().unwrap())));
        let fake_aws = FakeAws::new(clock.clone());
        let world = world(
            Settings::new("test"),
            samples::access(),
            store.clone(),
            clock,
            Arc::new(RecordingNotifier::default()),
            Arc::new(RecordingRunner::default()),
        );
        let world = fake_aws.fault_proxy().world(world);
        samples::orders(&*store, "orders", &[("dev", 2), ("prod", 1)]).await;
        Self { world, store, fake_aws }
    }

    async fn types(&self, who: &str, what: SecretAction) -> Result<SecretOutcome, EngineError> {
        let actor = Actor::at_terminal(samples::actor(who).id, "root");
        let (name, stage) = ("orders".parse().unwrap(), "prod".parse().unwrap());
        carry_out(&self.world, &SecretRequest { actor, name, stage, what }).await
    }

    async fn sets(&self, who: &str, value: &str) -> Result<SecretOutcome, EngineError> {
        self.types(who, SecretAction::Set("API_KEY".parse().unwrap(), SecretText::new(value))).await
    }

    /// The audit records about secrets, in order.
    fn records(&self) -> Vec<AuditRecord> {
        let all = self.store.audit();
        let mut records: Vec<AuditRecord> = all.iter().map(|item| from_item(item).unwrap()).collect();
        records.retain(|record| record.kind.starts_with("secret-"));
        records.sort_by_key(|record| (record.at, record.act != Act::Asked));
        records
    }

    /// Their acts and outcomes.
    fn acts(&self) -> Vec<(Act, String)> {
        self.records().into_iter().map(|record| (record.act, record.outcome)).collect()
    }
}

fn code(outcome: Result<SecretOutcome, EngineError>) -> String {
    outcome.map_or_else(|error| error.refusal().code, |outcome| format!("{outcome:?}"))
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_set_and_replaced_under_its_stage_and_recorded_without_its_value() {
    let office = Office::new().await;
    let set = |version| SecretOutcome::Set { parameter: PARAMETER.into(), version };
    assert_eq!(office.sets("ada", "old").await.unwrap(), set(1));
    assert_eq!(office.sets("ada", VALUE).await.unwrap(), set(2));
    assert_eq!(office.fake_aws.secret_of(PARAMETER).as_deref(), Some(VALUE));
    let recorded = office.records();
    assert_eq!(recorded.len(), 4, "before and after each call");
    for record in &recorded {
        assert_eq!((record.kind.as_str(), record.actor.terminal), ("secret-set", true));
        assert_eq!(record.command, "sluice secret set orders prod API_KEY");
    }
    let everything = format!("{:?} {:?}", office.store.items(), office.store.audit());
    assert!(!everything.contains(VALUE), "{everything}");
}

#[tokio::test(start_paused = true)]
async fn only_admins_change_secrets_and_a_refusal_is_recorded() {
    let office = Office::new().await;
    assert_eq!(code(office.sets("ann", VALUE).await), "not-an-admin");
    assert_eq!(office.fake_aws.secret_of(PARAMETER), None);
    assert_eq!(office.acts(), [(Act::Refused, "not-an-admin".to_owned())]);
    let listed = office.types("ann", SecretAction::List).await.unwrap();
    assert_eq!(listed, SecretOutcome::Listed(vec![]), "names are for everybody at the terminal");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_made_is_neither_replaced_nor_deleted() {
    let office = Office::new().await;
    office.fake_aws.foreign_parameter(PARAMETER);
    assert_eq!(code(office.sets("ada", VALUE).await), "secret-not-ours");
    let delete = SecretAction::Delete("API_KEY".parse().unwrap());
    assert_eq!(code(office.types("ada", delete).await), "secret-not-ours");
    assert_eq!(office.fake_aws.secret_of(PARAMETER).as_deref(), Some("theirs"));
}

#[tokio::test(start_paused = true)]
async fn names_are_listed_and_a_secret_is_deleted_once() {
    let office = Office::new().await;
    office.sets("ada", VALUE).await.unwrap();
    office.fake_aws.foreign_parameter("/sluice/orders/production/API_KEY");
    let SecretOutcome::Listed(found) = office.types("ada", SecretAction::List).await.unwrap() else {
        panic!()
    };
    assert_eq!(found.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), [PARAMETER]);
    for existed in [true, false] {
        let delete = SecretAction::Delete("API_KEY".parse().unwrap());
        let expected = SecretOutcome::Deleted { parameter: PARAMETER.into(), existed };
        assert_eq!(office.types("ada", delete).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_aws_is_recorded_and_the_command_can_be_repeated() {
    let office = Office::new().await;
    office.fake_aws.fault_on("ssm:PutParameter", [Faults::Fails(Class::Denied)]);
    assert_eq!(code(office.sets("ada", VALUE).await), "aws-denied");
    let acts: Vec<_> = office.acts().into_iter().map(|(act, _)| act).collect();
    assert_eq!(acts, [Act::Asked, Act::Failed]);
    office.sets("ada", VALUE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_value_that_systems_manager_would_refuse_is_refused_before_the_call() {
    let office = Office::new().await;
    let large = "x".repeat(LARGEST_VALUE + 1);
    for (value, expected) in [("", "secret-empty"), (large.as_str(), "secret-too-large")] {
        assert_eq!(code(office.sets("ada", value).await), expected);
    }
    office.sets("ada", &"x".repeat(LARGEST_VALUE)).await.unwrap();
}

#[test]
fn a_key_is_one_word_of_plain_letters() {
    for good in ["API_KEY", "db.password", "k-1"] {
        assert_eq!(good.parse::<SecretKey>().unwrap().to_string(), good);
    }
    let long = "x".repeat(129);
    for bad in ["", "a/b", "a b", "../x", "ä", long.as_str()] {
        assert_eq!(bad.parse::<SecretKey>(), Err(BadKey), "{bad}");
    }
}

#[test]
fn a_value_is_not_printed() {
    let action = SecretAction::Set("API_KEY".parse().unwrap(), SecretText::new(VALUE));
    assert!(!format!("{action:?}").contains(VALUE));
}
