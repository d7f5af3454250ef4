//! `/build log`: everyone can read it in the home channel, and people with a role anywhere.

use super::*;

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
        office.service.handle(invocation).await.unwrap().card.code
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
