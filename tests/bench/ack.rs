//! Acknowledgement under load: 500 distinct `/stage add` on 500 pipelines, 50 a second, once with the driver paused and
//! once with it working and builds running. Afterwards every one of them must be in the table.
//!
//! One pipeline is made by `/repo create`; the others are its records under other names, put into the table as the bot
//! has written them. `/stage add` touches nothing but the table, so repositories and buckets of their own would be made
//! for nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::load::{Hit, Shot, fire, percentile};
use crate::report::Report;
use crate::world::{PATIENCE, Programs, World};
use sluice_e2e::item::{body, text};

const COMMANDS: usize = 500;
const PER_SECOND: u32 = 50;
/// The pipeline that the others are copies of, and that builds run on.
const MODEL: &str = "orders";
/// Where the bot is a member: Slack's limits on posts are per channel.
const CHANNELS: [&str; 2] = ["C0GENERAL1", "C0ORDERS03"];

/// Measures both.
pub(crate) async fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let mut world = World::start(programs).await?;
    world.lift_limits().await?;
    world.start_bot(&[]).await?;
    let idle = world.resident_mb();
    world.say(0, &format!("/repo create {MODEL}")).await?;
    world.message(|text, _| text.contains(&format!("pipeline {MODEL} succeeded"))).await?;
    world.stop_bot().await?;
    let model = model(&world).await?;
    let of_model = model.iter().map(|item| text(item, "pk")).find(|key| key.contains("/pipeline/"));
    let builds_of_model = of_model.unwrap_or_default().replace("/pipeline/", "/builds/");
    copy_pipelines(&world, &model, "paused").await?;
    copy_pipelines(&world, &model, "working").await?;

    report.line("\n## Acknowledgement\n");
    report.line(&format!(
        "{COMMANDS} signed `/stage add` on {COMMANDS} pipelines, {PER_SECOND} a second, open loop.\n"
    ));
    report.line(
        "| driver | p50 | p99 | max | answered 200 | inbox rows | heads |\n|---|---|---|---|---|---|---|",
    );

    world.start_bot(&["--accept-only"]).await?;
    warm_up(&world).await?;
    let hits = fire(&world, shots("paused"), PER_SECOND).await?;
    row(&world, "paused", &hits, report).await?;
    let paused = world.resident_mb();
    world.stop_bot().await?;

    world.start_bot(&[]).await?;
    let began = Instant::now();
    finished(&world, "paused").await?;
    let backlog = began.elapsed();
    warm_up(&world).await?;
    let (hits, builds) = {
        let load = fire(&world, shots("working"), PER_SECOND);
        let mut builds = 0;
        let hits = tokio::select! {
            hits = load => hits?,
            error = build_without_end(&world, &builds_of_model, &mut builds) => return Err(error),
        };
        (hits, builds)
    };
    row(&world, "working", &hits, report).await?;
    let began = Instant::now();
    finished(&world, "working").await?;
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
        world.resident_mb()
    ));
    world.end().await
}

/// A few reads: what is measured is a bot that is up, with its connections open.
async fn warm_up(world: &World) -> Result<()> {
    for _ in 0..5 {
        world.say(0, &format!("/pipeline status {MODEL}")).await?;
    }
    Ok(())
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

/// The model's records: pipeline, stage and its row in the list.
async fn model(world: &World) -> Result<Vec<Value>> {
    let mut items = world.items().await?;
    items.retain(|item| {
        let (partition, sort) = (text(item, "pk"), text(item, "sk"));
        let record = sort == "pipeline" || sort.starts_with("stage/");
        (partition.ends_with(&format!("/pipeline/{MODEL}")) && record)
            || (partition.ends_with("/catalog") && sort == MODEL)
    });
    if items.len() == 3 {
        return Ok(items);
    }
    Err(format!("{MODEL} has {} records, expected pipeline, stage and a row in the list", items.len()).into())
}

/// Puts the model's records into the table under other names, spread over the channels.
async fn copy_pipelines(world: &World, model: &[Value], phase: &str) -> Result<()> {
    let mut copies = vec![];
    for number in 0..COMMANDS {
        let (name, channel) = (name(phase, number), CHANNELS[number % CHANNELS.len()]);
        for item in model {
            let text = item.to_string().replace(MODEL, &name).replace(&world.ready.channel, channel);
            copies.push(serde_json::from_str(&text)?);
        }
    }
    world.put_items(&copies).await
}

/// Builds the model again and again; returns only when that fails.
async fn build_without_end(world: &World, partition: &str, begun: &mut usize) -> crate::Error {
    loop {
        *begun += 1;
        let build = async {
            world.say(1, &format!("/build {MODEL}")).await?;
            // Asked of the table: a channel with five hundred messages is a load of its own.
            loop {
                let items = world.partition(partition).await?;
                let state = items.get(*begun - 1).map(|build| body(build)["state"].clone());
                match state.as_ref().and_then(Value::as_str) {
                    Some("succeeded") => return Ok(()),
                    Some("failed") => return Err("a build failed under load".into()),
                    _ => tokio::time::sleep(Duration::from_millis(250)).await,
                }
            }
        };
        if let Err(error) = build.await {
            return error;
        }
    }
}

/// Prints a row, and insists that everything was answered and recorded.
async fn row(world: &World, phase: &str, hits: &[Hit], report: &mut Report) -> Result<()> {
    // What the store had not confirmed after two seconds was answered so, and is settled in the background.
    let until = Instant::now() + PATIENCE;
    let mut items = world.items().await?;
    while heads(&items, phase).count() < COMMANDS && Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(1)).await;
        items = world.items().await?;
    }
    items = world.items().await?;
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
    Ok(())
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
async fn finished(world: &World, phase: &str) -> Result<()> {
    let until = Instant::now() + 2 * PATIENCE;
    while Instant::now() < until {
        let items = world.items().await?;
        let succeeded = |item: &&Value| text(item, "g_status") == "succeeded";
        if heads(&items, phase).filter(succeeded).count() == COMMANDS {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Err(format!("the operations of `{phase}` did not all succeed in time").into())
}
