//! `/build log` and `/pipeline logs`: everyone can read them in the home channel, and people with a role anywhere.

use super::*;
use crate::testing::FakeAws;
use crate::testing::fake_aws::Faults;
use sluice_model::{Class, Part};

#[tokio::test]
async fn a_log_needs_the_home_channel_or_a_role() {
    let office = office(roles()).await;
    let reads = async |who: &str, channel: Option<&str>| {
        let invocation = Invocation {
            delivery: format!("{who} {channel:?}"),
            actor: user(who),
            channel: channel.map(|channel| channel.parse().unwrap()),
            input: Input::Slash { command: "/build".into(), text: "log orders".into() },
        };
        let code = office.service.handle(invocation.clone()).await.unwrap().card.code;
        let input = Input::Slash { command: "/pipeline".into(), text: "logs orders dev".into() };
        let delivery = format!("{} of functions", invocation.delivery);
        let of_functions = office.service.handle(Invocation { delivery, input, ..invocation }).await.unwrap();
        // The stage runs nothing yet.
        let allowed = code.is_none().then(|| "nothing-runs".to_owned());
        assert_eq!(
            of_functions.card.code,
            allowed.or_else(|| code.clone()),
            "both kinds of logs have one rule"
        );
        code
    };
    let elsewhere = Some("C0ELSEWHER");
    let refused = Some("not-an-operator".to_owned());
    assert_eq!(reads("eve", Some("C0GENERAL1")).await, None, "the home channel");
    assert_eq!(reads("eve", elsewhere).await, refused);
    assert_eq!(reads("eve", None).await, refused, "a terminal is not the home channel");
    for who in ["ann", "ada", "oli"] {
        assert_eq!(reads(who, elsewhere).await, None, "{who}");
    }
    // An approver whom a stage names.
    let (name, stage) = ("orders".parse().unwrap(), "dev".parse().unwrap());
    let policy =
        crate::rules::Policy { approvers: [user("eve").id.into()].into(), ..crate::rules::Policy::of(true) };
    let key = office.service.app.engine.world().keys.policy(&name, &stage);
    let item = to_item(key, Default::default(), &policy).unwrap();
    office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    let again = Some("C0ELSEWHE2");
    assert_eq!(reads("eve", again).await, None, "an approver");
    assert_eq!(reads("dan", again).await, refused);
}

/// An office whose pipeline `orders` runs r2 on `dev` and r1 on `prod`, with what its functions wrote.
async fn writing() -> (Office, Arc<FakeAws>) {
    let clock = Arc::new(TestClock::at("2026-03-02T10:00:00Z".parse().unwrap()));
    let aws = FakeAws::new(clock.clone());
    let proxy = Arc::new(aws.fault_proxy());
    let office = office_of(roles(), Names::default(), clock, |world| world.ports.logs = proxy).await;
    samples::orders(&*office.store, "orders", &[("dev", 2), ("prod", 1)]).await;
    (office, aws)
}

fn code_of(card: &Card) -> &str {
    let code = card.parts.iter().find_map(|part| match part {
        Part::Code(code) => Some(code.as_str()),
        _ => None,
    });
    code.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_newest_lines_of_a_stage_are_shown_redacted_and_the_oldest_first() {
    let (office, aws) = writing().await;
    aws.writes_log("sluice-orders-dev-Hello", "a", "long ago");
    tokio::time::sleep(std::time::Duration::from_secs(700)).await;
    aws.writes_log("sluice-orders-dev-Hello", "a", "START RequestId: 1 Version: 2\n");
    aws.writes_log("sluice-orders-dev-Hello", "a", "token=abcdef <!channel> `x`\nsecond line\n");
    aws.writes_log("sluice-orders-prod-Hello", "b", "of another stage");
    let card = office.types("d1", "ann", "/pipeline logs orders").await;
    assert_eq!(
        code_of(&card),
        "10:11:40 Hello: token=[redacted] <!channel> `x`\n10:11:40 Hello: second line"
    );
    assert!(words(&card).contains("$252Faws$252Flambda$252Fsluice-orders-dev-"), "a link to all: {card:?}");
    let card = office.types("d2", "ann", "/pipeline logs orders dev since 1h").await;
    assert!(code_of(&card).starts_with("10:00:00 Hello: long ago\n"), "{card:?}");
    let card = office.types("d3", "ann", "/pipeline logs orders prod").await;
    assert_eq!(code_of(&card), "10:11:40 Hello: of another stage");
    let card = office.types("d4", "ann", "/pipeline logs orders prod since 2d").await;
    assert_eq!(card.code.as_deref(), Some("bad-start"), "{card:?}");
    assert_eq!(aws.changes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn lines_that_do_not_fit_are_left_out_and_the_answer_says_so() {
    let (office, aws) = writing().await;
    for nth in 0..200 {
        aws.writes_log("sluice-orders-dev-Hello", "a", &format!("line {nth}"));
    }
    let card = office.types("d1", "ann", "/pipeline logs orders").await;
    let lines: Vec<&str> = code_of(&card).lines().collect();
    assert_eq!(lines.len(), 40);
    assert!(lines[0].ends_with("line 160") && lines[39].ends_with("line 199"), "{lines:?}");
    assert!(words(&card).contains("Older lines are not shown"), "{card:?}");
    aws.writes_log("sluice-orders-dev-Hello", "a", &"x".repeat(100_000));
    let card = office.types("d2", "ann", "/pipeline logs orders").await;
    assert!(code_of(&card).len() < 3_500, "{}", code_of(&card).len());
}

#[tokio::test(start_paused = true)]
async fn logs_that_cannot_be_read_are_named_and_never_waited_for() {
    let (office, aws) = writing().await;
    let card = office.types("d1", "ann", "/pipeline logs orders").await;
    assert!(words(&card).contains("No log group yet"), "{card:?}");
    aws.writes_log("sluice-orders-dev-Hello", "a", "line");
    aws.fault_on(
        "logs:FilterLogEvents",
        [Faults::Fails(Class::Denied), Faults::Slow(std::time::Duration::from_secs(9))],
    );
    let card = office.types("d2", "ann", "/pipeline logs orders").await;
    assert!(words(&card).contains("logs:FilterLogEvents failed"), "{card:?}");
    let asked = tokio::time::Instant::now();
    let card = office.types("d3", "ann", "/pipeline logs orders").await;
    assert!(asked.elapsed() < std::time::Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(words(&card).contains("AWS did not answer in time"), "{card:?}");
}
