//! A deploy of changed code by Sluice, by `sam deploy`, by `sam sync --code` and by the AWS command line: the same functions on the
//! same strict local AWS, each call 40 ms later, one after the other in one run. What counts are the ratios: the local AWS is faster
//! than AWS, and shares the machine with them.
//!
//! The others deploy plain CloudFormation, which the local AWS understands, so no translator takes time.

mod tools;

use std::time::{Duration, Instant};

use sluice_e2e::{Bot, Call, Repository, World};

use crate::calls::{settled, space_calls};
use crate::report::Report;
use tools::Tools;

/// The sizes of the service, in functions.
const SIZES: [usize; 3] = [1, 10, 50];
/// What the way to AWS takes more for each call.
const DELAY: Duration = Duration::from_millis(40);

/// How long a deploy by Sluice took.
struct Deploy {
    /// Until the last call that changes the stage has ended.
    runs: Duration,
    /// Until the message says so.
    says: Duration,
    /// A build equal to what runs.
    unchanged: Duration,
}

/// Runs and measures it. In the first world Lambda and API Gateway limit no rates, and Sluice does not limit itself.
pub(crate) async fn measure(unlimited: &World, limited: &World, report: &mut Report) {
    let tools = Tools::install(limited).unwrap_or_else(|why| panic!("{why}"));
    let free = [("SLUICE_LAMBDA_CALLS", "1000")];
    let bots = [Bot::serve(unlimited, &free).await, Bot::serve(limited, &[]).await];
    for world in [unlimited, limited] {
        space_calls(world, DELAY).await;
    }
    report.line("\n## A deploy of changed code, each call 40 ms later\n");
    report.line(
        "| functions | Sluice: runs, says so | the same without limits of rates | `sam deploy` | `sam sync --code` | `aws`, one function after \
         the other | nothing changed: Sluice | `sam deploy` |\n|---|---|---|---|---|---|---|---|",
    );
    for functions in SIZES {
        let free = deployed(unlimited, report, functions).await;
        let own = deployed(limited, report, functions).await;
        let application = tools.application(&format!("compared{functions}"), functions);
        application.sam_deploy();
        application.change_code();
        let sam_deploy = application.sam_deploy();
        let sam_unchanged = application.sam_deploy();
        application.change_code();
        let sam_sync = application.sam_sync();
        application.change_code();
        let aws = application.aws();
        let against = |other: Duration| {
            let ratio = other.as_secs_f64() / own.says.as_secs_f64();
            format!("{}, {ratio:.1} times", seconds(other))
        };
        report.line(&format!(
            "| {functions} | {}, {} | {}, {} | {} | {} | {} | {} | {} |",
            seconds(own.runs),
            seconds(own.says),
            seconds(free.runs),
            seconds(free.says),
            against(sam_deploy),
            against(sam_sync),
            against(aws),
            seconds(own.unchanged),
            seconds(sam_unchanged),
        ));
    }
    drop(bots);
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A service of this many functions, of which all change.
async fn deployed(world: &World, report: &mut Report, functions: usize) -> Deploy {
    let name = &format!("compare{functions}");
    world.submit(world.ann(), &format!("/repo create {name} from sam")).await.succeeds().await;
    let clone = Repository::clone(world, name);
    clone.generate(functions, functions);
    release(world, &clone, name, "First").await;

    clone.set_greeting("Second");
    clone.push("Greet in another way");
    world.submit(world.ann(), &format!("/build {name}")).await.succeeds().await;
    let (since, began) = (world.last_call().await, Instant::now());
    world.submit(world.ann(), &format!("/deploy {name}")).await.succeeds().await;
    let says = began.elapsed();
    let runs = until_the_last_change(&settled(world, since).await);

    let (since, began) = (world.last_call().await, Instant::now());
    world.command(world.ann(), &format!("/deploy {name}")).await.says(&["runs", "already"]);
    let unchanged = began.elapsed();
    let calls = settled(world, since).await;
    let changes = calls.iter().filter(|call| call.mutates_aws()).count();
    report.exactly(&format!("{name}: changes by a deploy of what runs"), changes, 0);
    Deploy { runs, says, unchanged }
}

async fn release(world: &World, clone: &Repository, name: &str, greeting: &str) {
    clone.set_greeting(greeting);
    clone.push(&format!("Greet: {greeting}"));
    world.submit(world.ann(), &format!("/build {name}")).await.succeeds().await;
    world.submit(world.ann(), &format!("/deploy {name}")).await.succeeds().await;
}

/// From the first call after the command to the end of the last one that changes what the stage runs.
fn until_the_last_change(calls: &[Call]) -> Duration {
    let began = calls.iter().map(|call| call.start_us).min().unwrap_or_default();
    let changes = calls.iter().filter(|call| call.mutates_aws());
    let ended = changes.filter_map(|call| call.end_us).max().unwrap_or(began);
    Duration::from_micros(ended - began)
}
