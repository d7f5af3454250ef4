//! A deploy of changed code by Sluice, by `sam deploy`, by `sam sync --code` and by the AWS command line: the same functions on the
//! same strict local AWS, each call 40 ms later, one after the other in one run. What counts are the ratios: the local AWS is faster
//! than AWS, and shares the machine with them.
//!
//! The others deploy plain CloudFormation, which the local AWS understands, so no translator takes time.

mod tools;

use std::time::{Duration, Instant};

use sluice_e2e::{Call, Repository, World};

use crate::calls::{settled, space_calls};
use crate::report::Report;
use tools::Tools;

/// The sizes of the service, in functions.
const SIZES: [usize; 3] = [1, 10, 50];
/// What the way to AWS takes more for each call.
const DELAY: Duration = Duration::from_millis(40);

/// How long the ways of a deploy took.
struct Row {
    functions: usize,
    /// Sluice, until the last call that changes the stage has ended.
    runs: Duration,
    /// Sluice, until its message says so.
    says: Duration,
    /// Sluice, a build equal to what runs.
    unchanged: Duration,
    sam_deploy: Duration,
    sam_unchanged: Duration,
    sam_sync: Duration,
    aws: Duration,
}

/// Runs and measures it.
pub(crate) async fn measure(world: &World, report: &mut Report) {
    let tools = Tools::install(world).unwrap_or_else(|why| panic!("{why}"));
    let bot = sluice_e2e::Bot::serve(world, &[]).await;
    space_calls(world, DELAY).await;
    report.line("\n## A deploy of changed code, each call 40 ms later\n");
    report.line(
        "| functions | Sluice: new code runs after | Sluice: the message says so after | `sam deploy` | `sam sync --code` | `aws`, one \
         function after the other | Sluice, nothing changed | `sam deploy`, nothing changed |\n|---|---|---|---|---|---|---|---|",
    );
    for functions in SIZES {
        let row = Row { functions, ..compared(world, &tools, report, functions).await };
        report.line(&row.markdown());
    }
    drop(bot);
}

impl Row {
    fn markdown(&self) -> String {
        let against = |other: Duration| {
            let ratio = other.as_secs_f64() / self.says.as_secs_f64();
            format!("{:.1} s, {ratio:.1} times", other.as_secs_f64())
        };
        let seconds = |own: Duration| format!("{:.1} s", own.as_secs_f64());
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.functions,
            seconds(self.runs),
            seconds(self.says),
            against(self.sam_deploy),
            against(self.sam_sync),
            against(self.aws),
            seconds(self.unchanged),
            seconds(self.sam_unchanged),
        )
    }
}

/// One size.
async fn compared(world: &World, tools: &Tools, report: &mut Report, functions: usize) -> Row {
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
    let calls = settled(world, since).await;
    let runs = until_the_last_change(&calls);

    let (since, began) = (world.last_call().await, Instant::now());
    world.command(world.ann(), &format!("/deploy {name}")).await.says(&["runs", "already"]);
    let unchanged = began.elapsed();
    let calls = settled(world, since).await;
    let changes = calls.iter().filter(|call| call.mutates_aws()).count();
    report.exactly(&format!("{name}: changes by a deploy of what runs"), changes, 0);

    let app = tools.application(name, functions);
    app.sam_deploy();
    app.change_code();
    let sam_deploy = app.sam_deploy();
    let sam_unchanged = app.sam_deploy();
    app.change_code();
    let sam_sync = app.sam_sync();
    app.change_code();
    let aws = app.aws();
    Row { functions, runs, says, unchanged, sam_deploy, sam_unchanged, sam_sync, aws }
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
