//! The story, measured: what each command takes in seconds, in calls one after the other, and in write units.
//!
//! It is played three times: as it is, for seconds; and twice with every AWS call but the store's made later, for
//! chains: with one function, and with ten.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::calls::Cost;
use crate::chain::Call;
use crate::report::Report;
use crate::repository;
use crate::world::{Programs, World};
use sluice_e2e::item::{body, text};

/// By how much calls are spaced where chains are measured: far more than it takes to send those of one step.
const SPACE: Duration = Duration::from_millis(500);
const ANN: usize = 0;
const BOB: usize = 1;
const EVE: usize = 3;

/// The limits of issue 2; that of the write units is of issue 10.
const DEPLOY_CHAIN: f64 = 4.0;
const PROMOTE_CHAIN: f64 = 2.0;
const PROMOTE_UNITS: f64 = 90.0;

/// Plays and measures it.
pub(crate) async fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let mut world = World::start(programs).await?;
    world.start_bot(&[]).await?;
    world.lift_limits().await?;
    let idle = world.resident_mb();
    Story { world: &world, report, name: "orders", is_spaced: false }.play("One function", 1).await?;
    let report = &mut *report;
    report.line(&format!(
        "\nResident memory of the bot: {idle:.0} MB idle, {:.0} MB after this.",
        world.resident_mb()
    ));
    world.space_calls(SPACE).await?;
    let spaced = format!("every AWS call but the store's {} ms later", SPACE.as_millis());
    Story { world: &world, report, name: "spaced-one", is_spaced: true }
        .play(&format!("One function, {spaced}"), 1)
        .await?;
    Story { world: &world, report, name: "spaced-ten", is_spaced: true }
        .play(&format!("Ten functions, {spaced}"), 10)
        .await?;
    world.end().await
}

/// One pipeline's way through it.
struct Story<'a> {
    world: &'a World,
    report: &'a mut Report,
    name: &'static str,
    /// Whether calls are spaced: chains count only then, and seconds and write units only otherwise.
    is_spaced: bool,
}

/// What is held against limits, by row of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// Nothing.
    No,
    /// The chain of a deploy.
    Deploy,
    /// No mutation at all.
    Nothing,
}

impl Story<'_> {
    async fn play(mut self, title: &str, functions: usize) -> Result<()> {
        let name = self.name;
        self.report.line(&format!("\n## {title}\n"));
        self.report.line(
            "| command | until the message says so | longest chain | AWS calls (mutating) | store calls (longest chain) | \
             write units | the chain |\n|---|---|---|---|---|---|---|",
        );
        self.ran(
            "repo create",
            &format!("/repo create {name}"),
            &format!("pipeline {name} succeeded"),
            Held::No,
        )
        .await?;
        if functions > 1 {
            repository::multiply(self.world, name, functions)?;
        }
        self.build("build", 1).await?;
        self.ran("deploy, the first", &format!("/deploy {name}"), "to dev as r1 succeeded", Held::No).await?;
        self.build("build of the same commit", 2).await?;
        self.equal_builds().await?;
        self.ran("deploy of an equal build", &format!("/deploy {name}"), "", Held::Nothing).await?;

        repository::change_code(self.world, name, "second")?;
        self.build("build of changed code", 3).await?;
        self.ran(
            "deploy of changed code",
            &format!("/deploy {name}"),
            "to dev as r2 succeeded",
            Held::Deploy,
        )
        .await?;

        let added = format!("Stage staging of {name} succeeded");
        self.ran("stage add", &format!("/stage add {name} staging"), &added, Held::No).await?;
        self.promote("promote, the first", "r2", true).await?;

        repository::change_code(self.world, name, "third")?;
        self.build("build of changed code", 4).await?;
        self.ran("deploy after a promotion", &format!("/deploy {name}"), "to dev as r3 succeeded", Held::No)
            .await?;
        self.promote("promote, the second", "r3", true).await?;
        let back = "from r3 to r2 succeeded";
        self.ran("rollback", &format!("/rollback {name} staging measured"), back, Held::No).await?;
        self.promote("promote what ran there", "r3", false).await?;
        self.status().await
    }

    async fn build(&mut self, title: &str, number: usize) -> Result<()> {
        let done = format!("Build #{number} of {} succeeded", self.name);
        self.ran(title, &format!("/build {}", self.name), &done, Held::No).await
    }

    /// Types a command, waits for the words that end it, and prints its row. No words: the answer is the end.
    async fn ran(&mut self, title: &str, line: &str, done: &str, held: Held) -> Result<()> {
        let (mark, began) = (self.world.mark().await?, Instant::now());
        let answer = self.world.say(ANN, line).await?;
        if done.is_empty() {
            if !answer.contains("equal to build") && !answer.contains("already") {
                return Err(format!("{line} was answered with {answer:?}").into());
            }
        } else {
            self.ended(done).await?;
        }
        let took = began.elapsed();
        let calls = self.world.settled(mark).await?;
        let cost = self.row(title, took, &calls);
        match held {
            Held::Deploy if self.is_spaced => self.report.limit(
                &format!("{}: calls in a row of a {title}", self.name),
                cost.chain.len() as f64,
                DEPLOY_CHAIN,
            ),
            Held::Nothing => {
                self.report.exactly(&format!("{}: mutations of a {title}", self.name), cost.mutations, 0)
            }
            _ => {}
        }
        Ok(())
    }

    /// The operation's own message, edited to its end.
    async fn ended(&self, done: &str) -> Result<Value> {
        let own = |text: &str, message: &Value| {
            text.contains(self.name) && text.contains(done) && message["thread_ts"].is_null()
        };
        self.world.message(own).await
    }

    /// A promotion with one approval: its whole life, and what comes after the click.
    async fn promote(&mut self, title: &str, release: &str, limited: bool) -> Result<()> {
        let name = self.name;
        let (mark, began) = (self.world.mark().await?, Instant::now());
        let line = if limited {
            format!("/promote {name} staging")
        } else {
            // It was rolled back from it.
            format!("/promote {name} staging {release} again")
        };
        self.world.say(ANN, &line).await?;
        let asked = format!("{name} {release} from dev to staging is waiting");
        let message = self.world.message(|text, _| text.contains(&asked)).await?;
        let prepared = began.elapsed();
        self.world.settled(mark).await?;
        let (click, began) = (self.world.mark().await?, Instant::now());
        let approve = json!({
            "user": self.world.ready.users[BOB], "channel": self.world.ready.channel, "ts": message["ts"],
            "action_id": "promotion.approve",
        });
        self.world.post("/control/click", &approve).await?;
        let done = format!("{name} {release} from dev to staging succeeded");
        self.world.message(|text, found| text.contains(&done) && found["ts"] == message["ts"]).await?;
        let took = began.elapsed();
        let calls = self.world.settled(mark).await?;
        let (before, after): (Vec<Call>, Vec<Call>) =
            calls.iter().cloned().partition(|call| !click.is_before(call));
        self.row(&format!("{title}: until it waits"), prepared, &before);
        let approved = self.row(&format!("{title}: after approval"), took, &after);
        let units = Cost::of(&calls).write_units;
        self.report.line(&format!("| {title}: whole life | | | | | {units:.0} | |"));
        if limited {
            self.report.limit(
                &format!("{name}: calls in a row after approval of {title}"),
                approved.chain.len() as f64,
                PROMOTE_CHAIN,
            );
        }
        if !self.is_spaced {
            self.report.limit(&format!("{name}: write units of {title}"), units, PROMOTE_UNITS);
        }
        Ok(())
    }

    fn row(&self, title: &str, took: Duration, calls: &[Call]) -> Cost {
        let cost = Cost::of(calls);
        let Cost { chain, aws, mutations, store, store_chain, write_units } = &cost;
        self.report.line(&format!(
            "| {title} | {:.1} s | {} | {aws} ({mutations}) | {store} ({store_chain}) | {write_units:.0} | {} |",
            took.as_secs_f64(),
            chain.len(),
            chain.join(" → "),
        ));
        cost
    }

    /// Builds #1 and #2 are of one commit: what they left must be equal.
    async fn equal_builds(&mut self) -> Result<()> {
        let items = self.world.items().await?;
        let builds =
            items.iter().filter(|item| text(item, "pk").ends_with(&format!("/builds/{}", self.name)));
        let digests: Vec<String> = builds.filter_map(|item| digest_of(&body(item))).collect();
        let differ = usize::from(digests.len() != 2 || digests.first() != digests.last());
        self.report.exactly(&format!("{}: builds of one commit whose digests differ", self.name), differ, 0);
        Ok(())
    }

    /// What a read asks of the store; the fewest of some tries, since a sweep may fall into any of them.
    async fn status(&mut self) -> Result<()> {
        let (mut fewest, mut fastest) = (usize::MAX, Duration::MAX);
        for _ in 0..5 {
            let (mark, began) = (self.world.mark().await?, Instant::now());
            self.world.say(EVE, &format!("/pipeline status {}", self.name)).await?;
            fastest = fastest.min(began.elapsed());
            fewest = fewest.min(self.world.calls(mark).await?.len());
        }
        self.report.line(&format!(
            "\n`/pipeline status {}`: {fewest} requests in all, answered in {:.0} ms.",
            self.name,
            fastest.as_secs_f64() * 1000.0
        ));
        Ok(())
    }
}

/// The artifact's digest in a build's record, however deep.
fn digest_of(body: &Value) -> Option<String> {
    let object = body.as_object()?;
    let own = object.get("digest").and_then(Value::as_str).map(str::to_owned);
    own.or_else(|| object.values().find_map(digest_of))
}
