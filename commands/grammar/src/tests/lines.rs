//! Lines as people type them, mostly on phones, and their meaning.

use super::*;

/// A typed line, and its command as it is printed.
const LINES: &[(&str, &str)] = &[
    // repo
    ("/repo create orders", "/repo create orders"),
    ("/repo Create Orders.", "/repo create orders"),
    ("/repo create orders from python", "/repo create orders from python"),
    ("/repo create orders Python", "/repo create orders from python"),
    ("/repo create from node orders", "/repo create orders from node"),
    ("/repo create orders from SAM", "/repo create orders from sam"),
    ("/repo create \"list\"", "/repo create \"list\""),
    (
        "/repo connect orders <https://github.com/a/b|github.com/a/b>",
        "/repo connect orders https://github.com/a/b",
    ),
    ("/repo connect orders git@github.com:a/b.git", "/repo connect orders git@github.com:a/b.git"),
    ("/repo list", "/repo list"),
    ("/Repo LIST", "/repo list"),
    ("/repo show orders", "/repo show orders"),
    ("/repo delete orders", "/repo delete orders"),
    // build
    ("/build orders", "/build orders"),
    ("/build  Orders ", "/build orders"),
    ("/build `orders`", "/build orders"),
    ("/build orders main", "/build orders@main"),
    ("/build orders@main", "/build orders@main"),
    ("/build orders @main", "/build orders@main"),
    ("/build orders@ main", "/build orders@main"),
    ("/build orders @ main", "/build orders@main"),
    ("/build orders@feature/X", "/build orders@feature/X"),
    ("/build orders@feature/x.", "/build orders@feature/x"),
    ("/build orders<!subteam^S0123|@main>", "/build orders@main"),
    ("/build orders <!subteam^S0123|@main>", "/build orders@main"),
    ("/build orders<@U0123|main>", "/build orders@main"),
    ("/build <mailto:orders@main.io|orders@main.io>", "/build orders@main.io"),
    ("/build orders\u{a0}main", "/build orders@main"),
    ("/build \u{201c}list\u{201d}", "/build \"list\""),
    ("/build 'list'@v1", "/build \"list\"@v1"),
    ("/build orders@12", "/build orders@12"),
    ("/build orders 0a1b2c3", "/build orders@0a1b2c3"),
    ("/build log orders", "/build log orders"),
    ("/build log orders 12", "/build log orders #12"),
    ("/build log orders <#C0123|12>", "/build log orders #12"),
    ("/build log orders #12!", "/build log orders #12"),
    ("/build List orders", "/build list orders"),
    ("/build cancel orders", "/build cancel orders"),
    ("/build retry orders 3", "/build retry orders #3"),
    // deploy
    ("/deploy orders", "/deploy orders"),
    ("/deploy orders 12", "/deploy orders #12"),
    ("/deploy orders #12 to dev", "/deploy orders #12 to dev"),
    ("/deploy orders 12 Dev", "/deploy orders #12 to dev"),
    ("/deploy orders to dev #12", "/deploy orders #12 to dev"),
    ("/deploy orders dev", "/deploy orders to dev"),
    ("/deploy plan orders", "/deploy plan orders"),
    ("/deploy cancel orders", "/deploy cancel orders"),
    // stage
    ("/stage list orders", "/stage list orders"),
    ("/stage add orders staging", "/stage add orders staging"),
    ("/stage add orders Staging After Dev", "/stage add orders staging after dev"),
    ("/stage set orders prod approvals=2", "/stage set orders prod approvals=2"),
    (
        "/stage set orders prod window=“Mon–Fri 09:00–17:00 Europe/Berlin” events=on",
        "/stage set orders prod window=\"Mon-Fri 09:00-17:00 Europe/Berlin\" events=on",
    ),
    ("/stage remove orders staging", "/stage remove orders staging"),
    (
        "/stage lock orders prod for 2h Schema  migration",
        "/stage lock orders prod for 2h \"Schema  migration\"",
    ),
    (
        "/stage lock orders prod schema migration for 2 hours",
        "/stage lock orders prod for 2h \"schema migration\"",
    ),
    ("/stage lock orders prod for the fair", "/stage lock orders prod \"for the fair\""),
    ("/stage lock orders prod \"until the fix is out\"", "/stage lock orders prod \"until the fix is out\""),
    (
        "/stage lock orders prod until tomorrow the fair",
        "/stage lock orders prod until tomorrow \"the fair\"",
    ),
    (
        "/stage lock orders prod the fair until Monday 9:00",
        "/stage lock orders prod until monday 09:00 \"the fair\"",
    ),
    ("/stage lock orders until tomorrow at 9am fair", "/stage lock orders until tomorrow 09:00 \"fair\""),
    ("/stage set orders prod param.LogLevel=debug.", "/stage set orders prod param.LogLevel=\"debug.\""),
    (
        "/stage set orders prod param.Url=\"a b\" approvals=1.",
        "/stage set orders prod param.Url=\"a b\" approvals=1",
    ),
    ("/stage set orders prod param.Old=", "/stage set orders prod param.Old=\"\""),
    ("/stage set orders prod approvals=0 Confirm.", "/stage set orders prod approvals=0 confirm"),
    ("/deploy orders latest", "/deploy orders"),
    ("/build log orders newest", "/build log orders"),
    ("/promote approve orders prod 7", "/promote approve orders prod r7"),
    ("/promote reject orders prod r7 slower now", "/promote reject orders prod r7 slower now"),
    ("/promote cancel orders prod \"r7 is wrong\"", "/promote cancel orders prod \"r7 is wrong\""),
    ("/stage lock orders prod until 17:00 fair", "/stage lock orders prod until 17:00 \"fair\""),
    ("/stage lock orders for 1d stock-taking", "/stage lock orders for 1d \"stock-taking\""),
    ("/stage lock orders \"the fair is on\"", "/stage lock orders \"the fair is on\""),
    (
        "/stage lock orders prod \"waiting for 2 hours of tests\"",
        "/stage lock orders prod \"waiting for 2 hours of tests\"",
    ),
    ("/stage unlock orders", "/stage unlock orders"),
    ("/stage unlock orders prod", "/stage unlock orders prod"),
    // promote
    ("/promote orders prod", "/promote orders prod"),
    ("/promote orders to prod", "/promote orders prod"),
    ("/promote Orders To Prod From Staging R7", "/promote orders prod from staging r7"),
    ("/promote orders from staging to prod 7", "/promote orders prod from staging r7"),
    ("/promote orders prod again", "/promote orders prod again"),
    ("/promote orders prod anyway", "/promote orders prod anyway"),
    ("/promote orders prod anyway r7 again", "/promote orders prod r7 again anyway"),
    (
        "/promote orders prod anyway override go on anyway",
        "/promote orders prod anyway override go on anyway",
    ),
    (
        "/rollback orders prod r6 anyway checkout is down",
        "/rollback orders prod to r6 anyway checkout is down",
    ),
    ("/rollback orders prod checkout is down anyway", "/rollback orders prod checkout is down anyway"),
    ("/rollback orders prod \"anyway, it is down\"", "/rollback orders prod \"anyway, it is down\""),
    ("/deploy orders #3 anyway", "/deploy orders #3 anyway"),
    (
        "/promote orders prod r7 again override fix for the fair",
        "/promote orders prod r7 again override fix for the fair",
    ),
    ("/promote diff orders prod", "/promote diff orders prod"),
    ("/promote approve orders prod", "/promote approve orders prod"),
    ("/promote approve orders prod Looks good, <@U1|ann>!", "/promote approve orders prod Looks good, @ann!"),
    ("/promote reject orders prod \"no\"", "/promote reject orders prod no"),
    ("/promote cancel orders prod", "/promote cancel orders prod"),
    // rollback
    ("/rollback orders prod", "/rollback orders prod"),
    ("/rollback orders prod to r6", "/rollback orders prod to r6"),
    ("/rollback orders prod r6 It’s down &amp; out", "/rollback orders prod to r6 It's down & out"),
    ("/rollback orders prod 6", "/rollback orders prod to r6"),
    ("/rollback orders prod to 6 checkout is down", "/rollback orders prod to r6 checkout is down"),
    ("/rollback orders prod checkout is down", "/rollback orders prod checkout is down"),
    ("/rollback orders prod to stop the bleeding", "/rollback orders prod \"to stop the bleeding\""),
    ("/rollback orders prod 5xx on checkout", "/rollback orders prod \"5xx on checkout\""),
    // pipeline
    ("/pipeline status", "/pipeline status"),
    ("/pipeline status orders", "/pipeline status orders"),
    ("/pipeline history orders", "/pipeline history orders"),
    ("/pipeline history orders prod <@U1|ann> since 7d", "/pipeline history orders prod <@U1> since 7d"),
    (
        "/pipeline history orders since 7 days <@U1|ann lee> prod",
        "/pipeline history orders prod <@U1> since 7d",
    ),
    ("/pipeline history orders since 2026-11-01", "/pipeline history orders since 2026-11-01"),
    (
        "/pipeline history orders prod until 2026-04-01 since 2026-03-01",
        "/pipeline history orders prod since 2026-03-01 until 2026-04-01",
    ),
    (
        "/pipeline history orders until 2026-03-01 09:30:10.125",
        "/pipeline history orders until 2026-03-01 09:30:10.125",
    ),
    ("/pipeline mine", "/pipeline mine"),
    ("/pipeline check orders prod", "/pipeline check orders prod"),
    ("/pipeline watch orders", "/pipeline watch orders"),
    ("/pipeline unwatch orders", "/pipeline unwatch orders"),
    ("/pipeline grant <@U1|ann> Operator", "/pipeline grant <@U1> operators"),
    ("/pipeline grant <@U1|ann> on-call orders", "/pipeline grant <@U1> oncall orders"),
    ("/pipeline revoke <@U1> approvers orders", "/pipeline revoke <@U1> approvers orders"),
    ("/pipeline grant <!subteam^S1|@leads> approvers", "/pipeline grant <!subteam^S1> approvers"),
    ("/pipeline revoke <!subteam^S1> admins orders", "/pipeline revoke <!subteam^S1> admins orders"),
    ("/pipeline who", "/pipeline who"),
    ("/pipeline tidy orders", "/pipeline tidy orders"),
    ("/pipeline tidy orders now", "/pipeline tidy orders now"),
    // help
    ("/pipeline help", "/pipeline help"),
    ("/pipeline help build", "/pipeline help build"),
    ("/pipeline help /Build Log", "/pipeline help build log"),
    ("/pipeline help rollback", "/pipeline help rollback"),
    ("/pipeline help history", "/pipeline help pipeline history"),
    ("/build help", "/pipeline help build"),
    ("/build help log", "/pipeline help build log"),
    ("/stage ?", "/pipeline help stage"),
    // the umbrella
    ("/sluice", "/pipeline help"),
    ("/sluice help", "/pipeline help"),
    ("/sluice help deploy", "/pipeline help deploy"),
    ("/sluice deploy orders", "/deploy orders"),
    ("/sluice /deploy orders", "/deploy orders"),
    ("/sluice Repo create orders", "/repo create orders"),
    ("/sluice deploy help", "/pipeline help deploy"),
];

#[test]
fn lines_have_their_meaning() {
    for (typed, meant) in LINES {
        match read(typed) {
            Ok(command) => assert_eq!(command.to_string(), *meant, "{typed}"),
            Err(wrong) => panic!("{typed}: {wrong:#?}"),
        }
    }
}

#[test]
fn examples_print_as_a_line_that_means_the_same() {
    for example in table().flat_map(|form| form.examples) {
        let command = read(example).unwrap_or_else(|wrong| panic!("{example}: {wrong:#?}"));
        assert_eq!(read(&command.to_string()), Ok(command), "{example}");
    }
}

#[test]
fn names_with_a_prefix_are_parsed() {
    let names = Names { prefix: "acme-".into(), only_umbrella: false };
    assert_eq!(parse("/acme-build", "orders", &names), read("/build orders"));
    assert_eq!(parse("/acme-sluice", "build orders", &names), read("/build orders"));
}

#[test]
fn arguments_have_their_types() {
    use sluice_model::{BuildNumber, PipelineName, StageName};
    let orders = PipelineName::new("orders").unwrap();
    let dev = StageName::new("dev").unwrap();
    assert_eq!(
        read("/deploy orders #12 to dev"),
        Ok(Command::Deploy(DeployCommand::Deploy {
            name: orders.clone(),
            build: Some(BuildNumber(12)),
            stage: Some(dev),
            replace: false,
            anyway: false
        }))
    );
    assert_eq!(
        read("/build orders@feature/X"),
        Ok(Command::Build(BuildCommand::Build { name: orders, reference: Some("feature/X".into()) }))
    );
}
