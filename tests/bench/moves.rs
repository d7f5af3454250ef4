//! Fifty functions behind one API, promoted and rolled back while requests arrive. AWS is strict: changes reach the data plane
//! late, and calls have rates.
//!
//! A move has to be one call for all routes, and after the first answer of the new release, no request may be answered by the
//! old one.

use std::time::{Duration, Instant};

use sluice_e2e::{Bot, Call, Load, Repository, Request, World};

use crate::calls::settled;
use crate::report::Report;

const NAME: &str = "fifty";
const FUNCTIONS: usize = 50;
/// The clients that send requests, each one after the other.
const CLIENTS: usize = 4;

/// When the bot is killed, in milliseconds since it was started or since the move began.
const KILLS: [u64; 5] = [150, 400, 900, 1_500, 2_500];
/// Another process takes an operation over after this many seconds.
const LEASE: [(&str, &str); 1] = [("SLUICE_LEASE", "2")];

/// Runs and measures it.
pub(crate) async fn measure(world: &World, report: &mut Report) {
    let mut bot = Bot::serve(world, &LEASE).await;
    let clone = prepare(world).await;
    release(world, &clone, "Second").await;
    report.line(&format!("\n## {FUNCTIONS} functions under requests\n"));
    report.line(
        "| command | routes, calls | aliases, calls | all routes serve it after | the message says so after | requests | of two releases | \
         failed |\n|---|---|---|---|---|---|---|---|",
    );
    for (kills, promote) in [
        (&[][..], format!("/promote {NAME} staging")),
        (&KILLS[..], format!("/promote {NAME} staging r2 again")),
    ] {
        let killed =
            if kills.is_empty() { String::new() } else { format!(", `kill -9` {} times", kills.len()) };
        let promotion = world.submit(world.ann(), &promote).await;
        let waiting = promotion.waits().await;
        settled(world, world.last_call().await).await;
        let under_way = Move::begin(world).await;
        world.click(world.bob(), &waiting, "promotion.approve").await;
        bot = killed_at(world, bot, kills).await;
        promotion.succeeds().await;
        under_way.end(world, report, &format!("promote, after approval{killed}"), "Second").await;

        let under_way = Move::begin(world).await;
        let rollback = world.submit(world.ann(), &format!("/rollback {NAME} staging to r1 measured")).await;
        bot = killed_at(world, bot, kills).await;
        rollback.succeeds().await;
        under_way.end(world, report, &format!("rollback{killed}"), "First").await;
    }
    drop(bot);
}

/// Kills the bot at each of these times, and starts another one at once.
async fn killed_at(world: &World, mut bot: Bot, kills: &[u64]) -> Bot {
    for after in kills {
        tokio::time::sleep(Duration::from_millis(*after)).await;
        bot.kill();
        bot = Bot::serve(world, &LEASE).await;
    }
    bot
}

/// A move with requests to all routes.
struct Move {
    load: Load,
    since: u64,
    began: Instant,
}

impl Move {
    async fn begin(world: &World) -> Self {
        let load = requests_to_all(world);
        Self { load, since: world.last_call().await, began: Instant::now() }
    }

    async fn end(self, world: &World, report: &mut Report, title: &str, greeting: &str) {
        let took = self.began.elapsed();
        let requests = self.load.end().await;
        let calls = world.calls(self.since).await;
        row(report, title, &calls, self.began, took, &requests, greeting);
    }
}

/// The pipeline, with its first release on both stages.
async fn prepare(world: &World) -> Repository {
    world.submit(world.ann(), &format!("/repo create {NAME} from sam")).await.succeeds().await;
    let clone = Repository::clone(world, NAME);
    clone.generate(FUNCTIONS, FUNCTIONS);
    release(world, &clone, "First").await;
    world.submit(world.ann(), &format!("/stage add {NAME} staging")).await.succeeds().await;
    let promotion = world.submit(world.ann(), &format!("/promote {NAME} staging")).await;
    world.click(world.bob(), &promotion.waits().await, "promotion.approve").await;
    promotion.succeeds().await;
    clone
}

/// Builds and deploys a release whose functions all answer with this greeting.
async fn release(world: &World, clone: &Repository, greeting: &str) {
    clone.set_greeting(greeting);
    clone.push(&format!("Greet: {greeting}"));
    world.submit(world.ann(), &format!("/build {NAME}")).await.succeeds().await;
    world.submit(world.ann(), &format!("/deploy {NAME}")).await.succeeds().await;
}

/// Requests to all routes of the stage.
fn requests_to_all(world: &World) -> Load {
    let stage = world.stage_url(NAME, "staging");
    let routes: Vec<String> = (0..FUNCTIONS).map(|route| format!("{stage}/part{route}")).collect();
    Load::start(world, &routes, CLIENTS, Duration::ZERO)
}

/// One move, from the calls and requests since it began.
fn row(
    report: &mut Report,
    title: &str,
    calls: &[Call],
    began: Instant,
    took: Duration,
    requests: &[Request],
    greeting: &str,
) {
    let count = |method: &str| calls.iter().filter(|call| call.mutating && call.method == method).count();
    let routes = calls.iter().filter(|call| call.mutating && call.service == "apigateway").count();
    let is_new = |request: &&Request| request.body.contains(greeting);
    let first = requests.iter().filter(is_new).map(|request| request.ended).min();
    let last = requests.iter().filter(|request| !is_new(request)).map(|request| request.ended).max();
    let mixed = requests.iter().filter(|r| !is_new(r) && first.is_some_and(|first| r.began > first)).count();
    let failed = requests.iter().filter(|request| request.status != 200).count();
    let served = last.map_or(0.0, |last| last.saturating_duration_since(began).as_secs_f64());
    report.line(&format!(
        "| {title} | {routes} | {} | {served:.1} s | {:.1} s | {} | {mixed} | {failed} |",
        count("UpdateAlias"),
        took.as_secs_f64(),
        requests.len(),
    ));
    report.exactly(&format!("{title}: calls that change the API"), routes, 1);
    report.exactly(&format!("{title}: requests of two releases"), mixed, 0);
    report.exactly(&format!("{title}: requests that failed"), failed, 0);
    report.exactly(&format!("{title}: moves that no request saw"), usize::from(first.is_none()), 0);
}
