//! The happy path, measured: seconds, calls in a row, and write units of each command.
//!
//! It runs three times: once as it is, for seconds; and twice with every AWS call except the store's delayed, for chains, with
//! one function and with ten.

use std::time::{Duration, Instant};

use serde_json::Value;
use sluice_e2e::item::{body, text};
use sluice_e2e::{Aws, Bot, Call, Repository, World};

use crate::calls::{Cost, settled, space_calls};
use crate::machine::resident_mb;
use crate::report::Report;

/// The delay of calls where chains are measured: far more than the time to send those of one step.
const SPACE: Duration = Duration::from_millis(500);

/// Limits of issue 2; the write units are of issue 10.
const DEPLOY_CHAIN: f64 = 4.0;
const PROMOTE_CHAIN: f64 = 2.0;
const PROMOTE_UNITS: f64 = 90.0;

/// Runs and measures it.
pub(crate) async fn measure(world: &World, report: &mut Report) {
    let bot = Bot::serve(world, &[]).await;
    let idle = resident_mb(&bot);
    Scenario { world, report: &mut *report, name: "orders", is_spaced: false }.run("One function", 1).await;
    report.line(&format!(
        "\nResident memory of the bot: {idle:.0} MB idle, {:.0} MB after this.",
        resident_mb(&bot)
    ));
    space_calls(world, SPACE).await;
    let spaced = format!("every AWS call but the store's {} ms later", SPACE.as_millis());
    for (name, title, functions) in [("spaced-one", "One function", 1), ("spaced-ten", "Ten functions", 10)] {
        let scenario = Scenario { world, report: &mut *report, name, is_spaced: true };
        scenario.run(&format!("{title}, {spaced}"), functions).await;
    }
}

/// The way of one pipeline.
struct Scenario<'a> {
    world: &'a World,
    report: &'a mut Report,
    name: &'static str,
    /// Calls are delayed: then chains count, and seconds and write units do not.
    is_spaced: bool,
}

impl Scenario<'_> {
    async fn run(mut self, title: &str, functions: usize) {
        let name = self.name;
        self.report.line(&format!("\n## {title}\n"));
        self.report.line(
            "| command | until the message says so | longest chain | AWS calls (mutating) | store calls (longest chain) | \
             write units | the chain |\n|---|---|---|---|---|---|---|",
        );
        self.measure("repo create", &format!("/repo create {name} from sam")).await;
        if functions > 1 {
            let clone = Repository::clone(self.world, name);
            clone.generate(functions, functions);
            clone.push("Divide into functions");
        }
        self.build("build").await;
        self.measure("deploy, the first", &format!("/deploy {name}")).await;
        self.build("build of the same commit").await;
        self.equal_builds().await;
        self.equal_deploy("deploy of an equal build").await;

        self.change_code("second");
        self.build("build of changed code").await;
        let cost = self.measure("deploy of changed code", &format!("/deploy {name}")).await;
        if self.is_spaced {
            let what = format!("{name}: calls in a row of a deploy of changed code");
            self.report.limit(&what, cost.chain.len() as f64, DEPLOY_CHAIN);
        }

        self.measure("stage add", &format!("/stage add {name} staging")).await;
        self.promote("promote, the first", &format!("/promote {name} staging"), true).await;

        self.change_code("third");
        self.build("build of changed code").await;
        self.measure("deploy after a promotion", &format!("/deploy {name}")).await;
        self.promote("promote, the second", &format!("/promote {name} staging"), true).await;
        self.measure("rollback", &format!("/rollback {name} staging measured")).await;
        // The stage was rolled back from r3.
        self.promote("promote what ran there", &format!("/promote {name} staging r3 again"), false).await;
        self.status().await;
    }

    /// A new commit that changes the code of every function.
    fn change_code(&self, comment: &str) {
        let clone = Repository::clone(self.world, self.name);
        clone.edit("src/app.py", |code| format!("{code}\n# {comment}\n"));
        clone.push("Greet in another way");
    }

    async fn build(&mut self, title: &str) {
        self.measure(title, &format!("/build {}", self.name)).await;
    }

    /// Types a command, waits until its operation has succeeded, and prints the row.
    async fn measure(&mut self, title: &str, line: &str) -> Cost {
        let (since, began) = (self.world.last_call().await, Instant::now());
        self.world.submit(self.world.ann(), line).await.succeeds().await;
        let took = began.elapsed();
        let calls = settled(self.world, since).await;
        self.row(title, took, &calls)
    }

    /// A deploy of an equal build: the answer is the end, and nothing changes.
    async fn equal_deploy(&mut self, title: &str) {
        let (since, began) = (self.world.last_call().await, Instant::now());
        let answer = self.world.command(self.world.ann(), &format!("/deploy {}", self.name)).await;
        answer.says(&["equal to build"]);
        let took = began.elapsed();
        let calls = settled(self.world, since).await;
        let cost = self.row(title, took, &calls);
        self.report.exactly(&format!("{}: mutations of a {title}", self.name), cost.mutations, 0);
    }

    /// A promotion with one approval: all of it, and the part after the click.
    async fn promote(&mut self, title: &str, line: &str, is_limited: bool) {
        let name = self.name;
        let (since, began) = (self.world.last_call().await, Instant::now());
        let promotion = self.world.submit(self.world.ann(), line).await;
        let waiting = promotion.waits().await;
        let prepared = began.elapsed();
        settled(self.world, since).await;
        let (click, began) = (self.world.last_call().await, Instant::now());
        self.world.click(self.world.bob(), &waiting, "promotion.approve").await;
        promotion.succeeds().await;
        let took = began.elapsed();
        let calls = settled(self.world, since).await;
        let (before, after): (Vec<Call>, Vec<Call>) =
            calls.iter().cloned().partition(|call| call.seq <= click);
        self.row(&format!("{title}: until it waits"), prepared, &before);
        let approved = self.row(&format!("{title}: after approval"), took, &after);
        let units = Cost::of(&calls).write_units;
        self.report.line(&format!("| {title}: whole life | | | | | {units:.0} | |"));
        if is_limited {
            let what = format!("{name}: calls in a row after approval of {title}");
            self.report.limit(&what, approved.chain.len() as f64, PROMOTE_CHAIN);
        }
        if !self.is_spaced {
            self.report.limit(&format!("{name}: write units of {title}"), units, PROMOTE_UNITS);
        }
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

    /// Builds #1 and #2 are of one commit, so their artifacts must be equal.
    async fn equal_builds(&mut self) {
        let items = Aws(self.world).table().await;
        let partition = format!("/builds/{}", self.name);
        let builds = items.iter().filter(|item| text(item, "pk").ends_with(&partition));
        let digests: Vec<String> = builds.filter_map(|item| digest_of(&body(item))).collect();
        let differ = usize::from(digests.len() != 2 || digests.first() != digests.last());
        self.report.exactly(&format!("{}: builds of one commit whose digests differ", self.name), differ, 0);
    }

    /// The requests of a read: the fewest of five tries, since a sweep may fall into any of them.
    async fn status(&mut self) {
        let (mut fewest, mut fastest) = (usize::MAX, Duration::MAX);
        for _ in 0..5 {
            let (since, began) = (self.world.last_call().await, Instant::now());
            self.world.command(self.world.eve(), &format!("/pipeline status {}", self.name)).await;
            fastest = fastest.min(began.elapsed());
            fewest = fewest.min(self.world.calls(since).await.len());
        }
        self.report.line(&format!(
            "\n`/pipeline status {}`: {fewest} requests in all, answered in {:.0} ms.",
            self.name,
            fastest.as_secs_f64() * 1000.0
        ));
    }
}

/// The artifact's digest in a build's record, however deep.
fn digest_of(body: &Value) -> Option<String> {
    let object = body.as_object()?;
    let own = object.get("digest").and_then(Value::as_str).map(str::to_owned);
    own.or_else(|| object.values().find_map(digest_of))
}
