//! Fifty functions behind one API, promoted and rolled back while requests arrive. AWS is strict: changes reach the data plane
//! late, and calls have rates.
//!
//! A move has to be one call for all routes, and after the first answer of the new release, no request may be answered by the
//! old one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sluice_e2e::{Bot, Call, Repository, World};
use tokio::task::JoinHandle;

use crate::calls::settled;
use crate::report::Report;

const NAME: &str = "fifty";
const FUNCTIONS: usize = 50;
/// The clients that send requests, each one after the other.
const CLIENTS: usize = 4;
/// Requests go on for this long after a move, longer than a change takes to reach the sandbox's data plane.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// Runs and measures it.
pub(crate) async fn measure(world: &World, report: &mut Report) {
    let _bot = Bot::serve(world, &[]).await;
    let clone = prepare(world).await;
    release(world, &clone, "Second").await;
    report.line(&format!("\n## {FUNCTIONS} functions under requests\n"));
    report.line(
        "| command | routes, calls | aliases, calls | all routes serve it after | the message says so after | requests | of two releases | \
         failed |\n|---|---|---|---|---|---|---|---|",
    );

    let promotion = world.submit(world.ann(), &format!("/promote {NAME} staging")).await;
    let waiting = promotion.waits().await;
    settled(world, world.last_call().await).await;
    let load = Load::start(world);
    let (since, began) = (world.last_call().await, Instant::now());
    world.click(world.bob(), &waiting, "promotion.approve").await;
    promotion.succeeds().await;
    let took = began.elapsed();
    let requests = load.end().await;
    row(report, "promote, after approval", &world.calls(since).await, began, took, &requests, "Second");

    let load = Load::start(world);
    let (since, began) = (world.last_call().await, Instant::now());
    world.submit(world.ann(), &format!("/rollback {NAME} staging measured")).await.succeeds().await;
    let took = began.elapsed();
    let requests = load.end().await;
    row(report, "rollback", &world.calls(since).await, began, took, &requests, "First");
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

/// A request and its answer.
struct Request {
    began: Instant,
    ended: Instant,
    status: u16,
    body: String,
}

/// Requests to all routes of the stage, one after the other by each client, until the end.
struct Load {
    is_ending: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Request>>>,
}

impl Load {
    fn start(world: &World) -> Self {
        let is_ending = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|client| {
            let (http, ending) = (world.http().clone(), is_ending.clone());
            let stage = world.stage_url(NAME, "staging");
            tokio::spawn(async move {
                let mut requests = vec![];
                for route in (client..FUNCTIONS).step_by(CLIENTS).cycle() {
                    if ending.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    let answer = http.get(format!("{stage}/part{route}")).send().await.unwrap();
                    let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
                    requests.push(Request { began, ended: Instant::now(), status, body });
                }
                requests
            })
        });
        Self { clients: clients.collect(), is_ending }
    }

    async fn end(self) -> Vec<Request> {
        tokio::time::sleep(AFTERWARDS).await;
        self.is_ending.store(true, Ordering::Relaxed);
        let mut requests = vec![];
        for client in self.clients {
            requests.extend(client.await.unwrap());
        }
        requests
    }
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
