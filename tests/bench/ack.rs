//! Acknowledgement under load: 500 distinct `/stage add` on 500 pipelines, 50 a second, once with the driver paused and once with
//! it working and builds running. Afterwards each of them must be in the table.
//!
//! `/repo create` makes one pipeline. The others are copies of its records under other names, written into the table: `/stage
//! add` touches only the table, so they need no repository and no bucket.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use sluice_e2e::item::{body, text};
use sluice_e2e::{Aws, Bot, PATIENCE, World, eventually_every};

use crate::load::{Hit, Shot, fire, percentile};
use crate::machine::resident_mb;
use crate::report::Report;

const COMMANDS: usize = 500;
const PER_SECOND: u32 = 50;
/// The time between two scans of the table.
const PERIOD: Duration = Duration::from_millis(500);
/// The pipeline that is copied, and that is built under load.
const MODEL: &str = "orders";
/// Channels with the bot: Slack limits posts by channel.
const CHANNELS: [&str; 2] = ["C0GENERAL1", "C0ORDERS03"];

/// Measures both.
pub(crate) async fn measure(world: &World, report: &mut Report) {
    let bot = Bot::serve(world, &[]).await;
    let idle = resident_mb(&bot);
    world.submit(world.ann(), &format!("/repo create {MODEL} from sam")).await.succeeds().await;
    // As `kill -9` does: what was promised must not depend on a clean end.
    bot.kill();
    let model = model(world).await;
    let of_model = model.iter().map(|item| text(item, "pk")).find(|key| key.contains("/pipeline/"));
    let builds_of_model = of_model.unwrap_or_default().replace("/pipeline/", "/builds/");
    copy_pipelines(world, &model, "paused").await;
    copy_pipelines(world, &model, "working").await;

    report.line("\n## Acknowledgement\n");
    report.line(&format!(
        "{COMMANDS} signed `/stage add` on {COMMANDS} pipelines, {PER_SECOND} a second, open loop.\n"
    ));
    report.line(
        "| driver | p50 | p99 | max | answered 200 | inbox rows | heads |\n|---|---|---|---|---|---|---|",
    );

    let bot = Bot::serve_accept_only(world).await;
    warm_up(world).await;
    let hits = fire(world, shots("paused"), PER_SECOND).await;
    row(world, "paused", &hits, report).await;
    let paused = resident_mb(&bot);
    bot.kill();

    let bot = Bot::serve(world, &[]).await;
    let began = Instant::now();
    finished(world, "paused").await;
    let backlog = began.elapsed();
    warm_up(world).await;
    let mut builds = 0;
    let hits = tokio::select! {
        hits = fire(world, shots("working"), PER_SECOND) => hits,
        never = build_without_end(world, &builds_of_model, &mut builds) => match never {},
    };
    row(world, "working", &hits, report).await;
    let began = Instant::now();
    finished(world, "working").await;
    report.line(&format!(
        "\n- builds begun during the second run, one after the other: {builds}\n\
         - the {COMMANDS} operations left by the paused driver were carried out {:.1} s after a bot with a driver was \
         ready\n- the {COMMANDS} of the second run were all carried out {:.1} s after the last answer",
        backlog.as_secs_f64(),
        began.elapsed().as_secs_f64()
    ));
    report.line(&format!(
        "- resident memory of the bot: {idle:.0} MB idle, {paused:.0} MB after the load with the driver paused, {:.0} MB \
         after the load with it working",
        resident_mb(&bot)
    ));
}

/// A few reads: the measured bot has its connections open.
async fn warm_up(world: &World) {
    for _ in 0..5 {
        world.command(world.ann(), &format!("/pipeline status {MODEL}")).await;
    }
}

fn name(phase: &str, number: usize) -> String {
    format!("{phase}-{number:03}")
}

fn trigger(phase: &str, number: usize) -> String {
    format!("bench.{phase}.{number}")
}

fn shots(phase: &str) -> Vec<Shot> {
    let shot = |number| Shot {
        text: format!("add {} staging", name(phase, number)),
        trigger: trigger(phase, number),
        channel: CHANNELS[number % CHANNELS.len()].to_owned(),
    };
    (0..COMMANDS).map(shot).collect()
}

/// The model's records: its pipeline, stage and list entry.
async fn model(world: &World) -> Vec<Value> {
    let mut items = Aws(world).table().await;
    items.retain(|item| {
        let (partition, sort) = (text(item, "pk"), text(item, "sk"));
        let is_record = sort == "pipeline" || sort.starts_with("stage/");
        (partition.ends_with(&format!("/pipeline/{MODEL}")) && is_record)
            || (partition.ends_with("/catalog") && sort == MODEL)
    });
    assert_eq!(items.len(), 3, "the pipeline, the stage and the list entry of {MODEL}");
    items
}

/// Writes the model's records under other names, spread over the channels.
async fn copy_pipelines(world: &World, model: &[Value], phase: &str) {
    let mut copies = vec![];
    for number in 0..COMMANDS {
        let (name, channel) = (name(phase, number), CHANNELS[number % CHANNELS.len()]);
        for item in model {
            let text = item.to_string().replace(MODEL, &name).replace(world.channel(), channel);
            copies.push(serde_json::from_str(&text).unwrap());
        }
    }
    Aws(world).put_items(&copies).await;
}

/// Builds the model again and again.
async fn build_without_end(world: &World, partition: &str, begun: &mut usize) -> std::convert::Infallible {
    loop {
        *begun += 1;
        world.command(world.bob(), &format!("/build {MODEL}")).await;
        // From the table: reading a channel with five hundred messages is a load of its own.
        eventually_every(
            Duration::from_millis(250),
            format!("build {begun} succeeds"),
            PATIENCE,
            async || {
                let items = Aws(world).partition(partition).await;
                let state =
                    items.get(*begun - 1).map(|build| body(build)["state"].clone()).unwrap_or_default();
                assert_ne!(state, "failed", "a build failed under load");
                if state == "succeeded" { Ok(()) } else { Err(state) }
            },
        )
        .await;
    }
}

/// Prints a row, and checks that everything was answered and recorded.
async fn row(world: &World, phase: &str, hits: &[Hit], report: &mut Report) {
    // A command that the store had not confirmed after two seconds was answered so, and is settled in the background.
    let items = eventually_every(PERIOD, "every command has an operation", PATIENCE, async || {
        let items = Aws(world).table().await;
        let found = heads(&items, phase).count();
        if found >= COMMANDS { Ok(items) } else { Err(format!("{found} of {COMMANDS}")) }
    })
    .await;
    let triggers: BTreeSet<String> = (0..COMMANDS).map(|number| trigger(phase, number)).collect();
    let is_ours = |key: &str| triggers.iter().any(|trigger| key.ends_with(&format!(":{trigger}")));
    let inbox = items.iter().filter(|item| text(item, "sk") == "inbox" && is_ours(text(item, "pk"))).count();
    let heads = heads(&items, phase).count();
    let accepted = hits.iter().filter(|hit| hit.accepted).count();
    let ms = |share| percentile(hits, share).as_secs_f64() * 1000.0;
    report.line(&format!(
        "| {phase} | {:.1} ms | {:.1} ms | {:.1} ms | {accepted} | {inbox} | {heads} |",
        ms(0.5),
        ms(0.99),
        ms(1.0)
    ));
    report.exactly(&format!("answers while the driver is {phase}"), accepted, COMMANDS);
    report.exactly(&format!("inbox rows while the driver is {phase}"), inbox, COMMANDS);
    report.exactly(&format!("heads while the driver is {phase}"), heads, COMMANDS);
}

/// The heads of a phase's operations.
fn heads<'a>(items: &'a [Value], phase: &'a str) -> impl Iterator<Item = &'a Value> {
    let heads = items.iter().filter(|item| text(item, "sk") == "head");
    heads.filter(move |item| {
        pipeline_of(&body(item)).is_some_and(|name| name.starts_with(&format!("{phase}-")))
    })
}

/// The pipeline that a head's body names, however deep.
fn pipeline_of(body: &Value) -> Option<String> {
    let object = body.as_object()?;
    let own = object.get("pipeline").and_then(Value::as_str).map(str::to_owned);
    own.or_else(|| object.values().find_map(pipeline_of))
}

/// Waits until all operations of a phase have succeeded.
async fn finished(world: &World, phase: &str) {
    eventually_every(PERIOD, format!("the operations of `{phase}` succeed"), 2 * PATIENCE, async || {
        let items = Aws(world).table().await;
        let succeeded = heads(&items, phase).filter(|item| text(item, "g_status") == "succeeded").count();
        if succeeded == COMMANDS { Ok(()) } else { Err(format!("{succeeded} of {COMMANDS}")) }
    })
    .await;
}
