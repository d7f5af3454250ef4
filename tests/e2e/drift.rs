//! Drift: somebody moves a stage outside Sluice, with the `aws` commands in each promotion's thread. Status reports it, and the next
//! move of that stage needs a confirmation, so nothing is overwritten unseen. A stack needs none: its changes are shown before.

use std::process::Command;

use super::stacks;
use serde_json::{Value, json};
use sluice_e2e::fixture::{alias, approved_promotion, build_and_deploy};
use sluice_e2e::{Bot, Message, Options, PATIENCE, Repository, World, eventually};

/// Runs lines in a shell with this world's `aws`.
fn shell(world: &World, lines: &str) -> String {
    let script = format!("set -e\n. '{}'\n{lines}\n", world.folder().join("env.sh").display());
    let done = Command::new("sh").arg("-c").arg(&script).output().expect("there is a shell");
    let output =
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{lines}\n{output}");
    output
}

/// The commands with another version of the function.
fn at_version(lines: &str, theirs: &str, other: &str) -> String {
    let lines =
        lines.replace(&format!("--function-version {theirs}"), &format!("--function-version {other}"));
    lines.replace(&format!("Hello={theirs}"), &format!("Hello={other}"))
}

/// Publishes a version of a function by hand; gives its number.
fn publish(world: &World, function: &str) -> String {
    let lines = format!(
        "aws lambda update-function-configuration --function-name {function} --memory-size 192 > /dev/null\n\
         aws lambda wait function-updated --function-name {function}\n\
         aws lambda publish-version --function-name {function} --query Version --output text"
    );
    shell(world, &lines).trim().to_owned()
}

/// The code of a message, as Slack copies it.
fn lines(message: &Message) -> String {
    let text = message.text();
    let code = text.split("```").nth(1).unwrap_or_else(|| panic!("no code in {text}"));
    code.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A pipeline with `r1` and then `r2` on dev and prod; the message of the second promotion.
async fn promoted(name: &str) -> (World, Message) {
    // A world for each test: one bot has one share of Lambda's rate, and a comparison that waits too long for it is skipped.
    let world = World::start(Options::default()).await;
    let ann = world.ann();
    let created = world.submit(ann, &format!("/repo create {name} from sam")).await.succeeds().await;
    world.submit(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    let mut last = None;
    for nth in 1..=2 {
        if nth == 2 {
            let clone = Repository::clone_from_message(&created);
            clone.set_greeting("Release 2");
            clone.push("Greet as release 2");
        }
        build_and_deploy(&world, name).await;
        last = Some(approved_promotion(&world, name).await.succeeds().await);
    }
    (world, last.unwrap())
}

/// The message in the promotion's thread with the commands for a manual rollback.
async fn manual_rollback(world: &World, promotion: &Message) -> Message {
    eventually("the thread has the commands", PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let mut found = messages.into_iter().filter(|message| {
            message.thread() == Some(promotion.ts()) && message.text().contains("aws lambda update-alias")
        });
        found.next().ok_or_else(|| "not yet".to_owned())
    })
    .await
}

/// Waits until `/pipeline status` has these parts: a change right after a promotion is not reported at once.
async fn expect_status(world: &World, name: &str, parts: &[&str]) {
    eventually(format!("status has {parts:?}"), PATIENCE, async || {
        let words = world.command(world.eve(), &format!("/pipeline status {name}")).await.text();
        let words = words.replace('`', "");
        if parts.iter().all(|part| words.contains(part)) { Ok(()) } else { Err(words) }
    })
    .await
}

#[tokio::test]
async fn the_commands_in_the_thread_restore_the_old_release_and_status_reports_it() {
    let (world, promotion) = promoted("byhand").await;
    let recorded = alias(&world, "byhand", "prod").await.unwrap();
    world.expect_response("byhand", "prod", "Release 2").await;
    let lines = lines(&manual_rollback(&world, &promotion).await);
    assert!(lines.contains("--name prod") && lines.contains("--region us-east-1"), "{lines}");
    shell(&world, &lines);
    world.expect_response("byhand", "prod", "Hello from byhand").await;
    let theirs = alias(&world, "byhand", "prod").await.unwrap();
    let moved = format!("points to version {theirs} instead of {recorded}");
    expect_status(&world, "byhand", &["prod was moved outside Sluice", &moved, "first seen"]).await;
    world.command(world.ann(), "/pipeline check byhand prod").await.says(&[
        "AWS: prod was moved",
        &moved,
        "anyway",
    ]);

    // Restored: the drift is gone with the next look.
    shell(&world, &at_version(&lines, &theirs, &recorded));
    eventually("the drift is gone", 2 * PATIENCE, async || {
        let words = world.command(world.eve(), "/pipeline status byhand").await.text();
        if words.contains("moved outside") { Err(words) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn moving_a_drifted_stage_needs_a_confirmation_by_button_or_command() {
    let (world, promotion) = promoted("asked").await;
    let (ann, eve) = (world.ann(), world.eve());
    let lines = lines(&manual_rollback(&world, &promotion).await);
    shell(&world, &lines);
    expect_status(&world, "asked", &["prod was moved outside Sluice"]).await;
    let theirs = alias(&world, "asked", "prod").await.unwrap();

    // Nothing begins, and only the person who typed the command gets the question.
    let before = world.messages(world.channel()).await.len();
    let ephemerals = world.ephemerals(ann).await.len();
    for line in ["/promote asked prod r1 again", "/rollback asked prod"] {
        world.command(ann, line).await.says(&["moved outside Sluice", &format!("{line} anyway")]);
    }
    world.command(eve, "/rollback asked prod anyway").await.says(&["Only operators"]);
    assert_eq!(world.messages(world.channel()).await.len(), before);
    let question = world.expect_ephemeral(ann, ephemerals, &["/rollback asked prod anyway"]).await;
    assert!(question.has_button("drift.go"), "{}", question.text());

    // The stage moves once more: the old button asks again, the new one proceeds.
    let another = publish(&world, "sluice-asked-prod-Hello");
    shell(&world, &at_version(&lines, &theirs, &another));
    let ephemerals = world.ephemerals(ann).await.len();
    world.click(ann, &question, "drift.go").await;
    let again = world.expect_ephemeral(ann, ephemerals, &[&format!("points to version {another}")]).await;
    assert_eq!(alias(&world, "asked", "prod").await.unwrap(), another, "nothing was overwritten");
    let back = world.expect(world.channel(), "/rollback asked prod anyway").await;
    world.click(ann, &again, "drift.go").await;
    let done = back.succeeds().await;
    done.says(&["r1 is live on prod", "Moved outside Sluice", "Accepted by"]);
    world.expect_response("asked", "prod", "Hello from asked").await;

    // A terminal has no button, only the command.
    shell(&world, &at_version(&lines, &theirs, &another));
    expect_status(&world, "asked", &["prod was moved outside Sluice"]).await;
    let run = |line: &str| Bot::run(&world, &["run", line, "--as", ann], &[]);
    let (code, printed) = run("/rollback asked prod r2 the terminal says so");
    assert!(code == Some(1) && printed.contains("moved outside Sluice"), "{code:?} {printed}");
    let (code, printed) = run("/rollback asked prod r2 anyway the terminal says so");
    assert!(code == Some(0) && printed.contains("r2 is live on prod"), "{code:?} {printed}");
    world.expect_response("asked", "prod", "Release 2").await;
}

/// Somebody gives the topic of a stage a name for people, in the template of its stack.
fn change_stack(world: &World, stack: &str) {
    let get =
        format!("aws cloudformation get-template --stack-name {stack} --query TemplateBody --output json");
    let body: Value = serde_json::from_str(&shell(world, &get)).expect("a template");
    // The command line shows a template in JSON as such, or as text.
    let body = body.as_str().map_or(body.clone(), |text| serde_json::from_str(text).expect("JSON"));
    let mut edited = body;
    edited["Resources"]["News"]["Properties"]["DisplayName"] = json!("By hand");
    let file = world.folder().join(format!("{stack}.json"));
    std::fs::write(&file, edited.to_string()).expect("a folder that can be written");
    let update = format!(
        "aws cloudformation update-stack --stack-name {stack} --template-body 'file://{}' \
         --capabilities CAPABILITY_NAMED_IAM > /dev/null\n\
         aws cloudformation wait stack-update-complete --stack-name {stack}",
        file.display()
    );
    shell(world, &update);
}

#[tokio::test]
async fn status_shows_a_stack_that_somebody_changed_and_a_deploy_changes_it_back() {
    let world = World::start(Options::default()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let created = world.submit(ann, "/repo create shifted from sam").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |_| format!("{}{}", stacks::TEMPLATE, stacks::TOPIC));
    clone.write("src/store.py", stacks::CODE.trim_start());
    clone.push("Keep orders in a table");
    build_and_deploy(&world, "shifted").await.says(&["r1 is live on dev"]);
    change_stack(&world, "sluice-shifted-dev");
    let changed = "The stack sluice-shifted-dev of dev was changed outside Sluice";
    expect_status(&world, "shifted", &[changed, "UPDATE_COMPLETE", "/deploy plan shifted"]).await;
    world.command(eve, "/deploy plan shifted").await.says(&["News (AWS::SNS::Topic) changed"]);

    // The build that runs already is deployed again, with the template of its release.
    world.submit(ann, "/deploy shifted").await.succeeds().await.says(&["r2 is live on dev"]);
    eventually("the stack is Sluice's again", 2 * PATIENCE, async || {
        let words = world.command(eve, "/pipeline status shifted").await.text();
        let is_compared = words.contains("Compared with AWS") && !words.contains("not compared");
        if !is_compared || words.contains("outside Sluice") { Err(words) } else { Ok(()) }
    })
    .await;
    world.command(ann, "/deploy shifted").await.says(&["already runs"]);
}
