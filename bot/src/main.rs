//! The binary `sluice`: Slack in and out, configuration, wiring, background tasks, health. Who may do what, and what
//! doing it means, is in `sluice-commands`; this crate has no rules of its own.

mod backend;
mod check;
mod cli;
mod config;
mod exit;
mod health;
mod http;
mod ingress;
mod limits;
mod logging;
mod manifest;
#[cfg(test)]
mod messages_tests;
mod metrics;
mod notify;
mod people;
mod quiet;
mod render;
mod serve;
mod slack;
mod system_clock;
mod tasks;
mod terminal;
mod wiring;

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use sluice_commands::ports::Clock as _;
use sluice_grammar::Names;
use sluice_model::{Target, UserId};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use backend::{Backend as _, Obstacle};
use cli::{Audit, Cli, Flags, Verb};
use config::{Base, Config, Place, Problem, Reload, Sources, State};
use exit::Exit;
use serve::Listeners;
use slack::Slack;
use system_clock::SystemClock;
use terminal::Order;
use wiring::Account;

/// How long workers that are busy are waited for when everything has ended.
const BUSY_WORKERS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match cli.command {
        Verb::Manifest { prefix, only_umbrella, url } => print_manifest(prefix, only_umbrella, &url),
        Verb::Policy { account, region, init } => {
            print_policy(Sources::of_process(cli.flags), account, region, init)
                .unwrap_or_else(|problems| complain(&problems))
        }
        verb => match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => {
                let exit = runtime.block_on(run(verb, cli.flags));
                // A worker that is busy is not waited for: the process ends with this function.
                runtime.shutdown_timeout(BUSY_WORKERS);
                exit
            }
            Err(error) => {
                warn(&format!("sluice cannot start its runtime: {}\n", error.kind()));
                Exit::Failed
            }
        },
    };
    exit.into()
}

async fn run(verb: Verb, flags: Flags) -> Exit {
    let sources = Sources::of_process(flags);
    // Who sits before a terminal reads what is printed; the log says what went wrong besides.
    let quiet = matches!(verb, Verb::Run { .. } | Verb::Audit { .. }).then_some("warn");
    if let Err(what) = logging::start(sources.env.get("SLUICE_LOG").map(String::as_str).or(quiet)) {
        return complain(&[Problem { name: "SLUICE_LOG".into(), what }]);
    }
    let outcome = match verb {
        Verb::Serve { accept_only } => serve(sources, accept_only).await,
        Verb::Check { account } => check(sources, account).await,
        Verb::Init { admins } => init(sources, &admins).await,
        Verb::Backup { to } => backup(sources, to).await,
        Verb::Run { line, who } => run_order(sources, &line, &who).await,
        Verb::Audit { what: Audit::Export { since } } => export(sources, since.as_deref()).await,
        Verb::Manifest { .. } | Verb::Policy { .. } => Ok(Exit::Done),
    };
    outcome.unwrap_or_else(|problems| complain(&problems))
}

async fn serve(sources: Sources, accept_only: bool) -> Result<Exit, Vec<Problem>> {
    let (config, account) = both(Config::load(sources.clone()), Account::load().await)?;
    let fake_aws = account.with_state(&config.base);
    let reload = Reload::new(sources, config.clone(), fake_aws.pinned());
    let slack = connect(&config)?;
    end_at_last();
    limits::raise_open_files();
    let metrics = match config.base.metrics {
        Some(address) => Some(listen("SLUICE_METRICS", address).await?),
        None => None,
    };
    let listeners = Listeners { slack: listen("SLUICE_LISTEN", config.base.listen).await?, metrics };
    let serving =
        serve::serve(listeners, &config, Arc::new(slack), Arc::new(fake_aws), accept_only, told_to_stop());
    Ok(tokio::select! {
        exit = serving => exit,
        never = told_to_reload(&reload) => match never {},
    })
}

async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener, Vec<Problem>> {
    match TcpListener::bind(address).await {
        Ok(listener) => {
            let address = listener.local_addr().unwrap_or(address);
            tracing::info!(%address, setting, "listening");
            Ok(listener)
        }
        Err(error) => {
            let what = format!("cannot listen on {address}: {}", error.kind());
            Err(vec![Problem { name: setting.to_owned(), what }])
        }
    }
}

async fn check(sources: Sources, ask_account: bool) -> Result<Exit, Vec<Problem>> {
    let (config, account) = both(Config::load(sources), Account::load().await)?;
    let fake_aws = account.with_state(&config.base);
    Ok(check::check(&connect(&config)?, &fake_aws, ask_account).await)
}

async fn init(sources: Sources, admins: &[String]) -> Result<Exit, Vec<Problem>> {
    let login = terminal::login(&sources.env);
    let (mut people, mut problems) = (vec![], vec![]);
    for who in admins {
        match terminal::user("--admin", who) {
            Ok(user) => people.push(user),
            Err(wrong) => problems.extend(wrong),
        }
    }
    let people: Result<Vec<UserId>, _> = if problems.is_empty() { Ok(people) } else { Err(problems) };
    let (people, (base, account)) = both(people, both(Base::load(sources), Account::load().await))?;
    let fake_aws = account.with_state(&base);
    // At once: it may wait for S3 for some minutes.
    Ok(match fake_aws.init(&people, &login, &|line| say(&format!("{line}\n"))).await {
        Ok(()) => Exit::Done,
        Err(obstacle) => stopped("init", &obstacle),
    })
}

async fn backup(sources: Sources, to: Option<String>) -> Result<Exit, Vec<Problem>> {
    let base = Base::load(sources)?;
    let problem = |name: &str, what: String| vec![Problem { name: name.to_owned(), what }];
    let State::File(path) = &base.state else {
        let what = "`sluice backup` copies state in SQLite. This state is in DynamoDB, whose point-in-time recovery \
                    (`sluice init` turned it on) backs it up: `aws dynamodb restore-table-to-point-in-time`";
        return Err(problem("SLUICE_STATE", what.to_owned()));
    };
    let place = match (to, base.backup) {
        (Some(to), _) => Place::parse(&to).map_err(|what| problem("PLACE", what))?,
        (None, Some(plan)) => plan.place,
        (None, None) => {
            let what = "is required, or name a place: `sluice backup /var/backups/sluice`";
            return Err(problem("SLUICE_BACKUP", what.to_owned()));
        }
    };
    Ok(match wiring::back_up(path, &place).await? {
        Ok(backup) => {
            say(&format!("backup: {backup}\n"));
            Exit::Done
        }
        Err(obstacle) => stopped("backup", &obstacle),
    })
}

/// Asks neither AWS nor the state: it can be read before there is either.
fn print_policy(
    sources: Sources,
    account: String,
    region: Option<String>,
    init: bool,
) -> Result<Exit, Vec<Problem>> {
    let region = region.or_else(|| sources.env.get("AWS_REGION").cloned()).ok_or_else(|| {
        vec![Problem { name: "--region".into(), what: "is required, or set AWS_REGION".into() }]
    })?;
    let whose = if init { wiring::Whose::Init } else { wiring::Whose::Bot };
    let base = Base::load(sources)?;
    say(&format!("{:#}\n", wiring::policy(whose, &base, &Target { account, region })));
    Ok(Exit::Done)
}

async fn run_order(sources: Sources, line: &[String], who: &str) -> Result<Exit, Vec<Problem>> {
    let order = Order::read(line, who, &sources.env);
    let (order, (base, account)) = both(order, both(Base::load(sources), Account::load().await))?;
    let fake_aws = account.with_state(&base);
    end_at_last();
    Ok(terminal::run(order.called(&base.names), &fake_aws, told_to_stop()).await)
}

async fn export(sources: Sources, since: Option<&str>) -> Result<Exit, Vec<Problem>> {
    let since = since.map(|text| {
        let wrong = || format!("`{}` is no time, as in `7d` or `2026-11-01`", render::text::one_line(text));
        sluice_grammar::since(text, SystemClock.now())
            .ok_or_else(|| vec![Problem { name: "--since".into(), what: wrong() }])
    });
    let (since, (base, account)) = both(since.transpose(), both(Base::load(sources), Account::load().await))?;
    let mut out = io::BufWriter::new(io::stdout());
    Ok(match account.with_state(&base).export(since, &mut out).await {
        Ok(Ok(())) => Exit::Done,
        // Who reads has enough.
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Ok(Err(error)) => {
            warn(&format!("sluice audit export cannot write: {}\n", error.kind()));
            Exit::Failed
        }
        Err(obstacle) => stopped("audit export", &obstacle),
    })
}

/// Tells why a subcommand did not do what it was asked.
fn stopped(what: &str, obstacle: &Obstacle) -> Exit {
    match obstacle {
        Obstacle::Refused(words) => {
            warn(&format!("sluice {what} cannot go on: {words}\n"));
            Exit::Refused
        }
        Obstacle::Passing(words) => {
            warn(&format!("sluice {what} did not finish: {words}. It is safe to run it again.\n"));
            Exit::Failed
        }
    }
}

/// Both, or what is wrong with either.
fn both<A, B>(a: Result<A, Vec<Problem>>, b: Result<B, Vec<Problem>>) -> Result<(A, B), Vec<Problem>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).flatten().collect()),
    }
}

fn connect(config: &Config) -> Result<Slack, Vec<Problem>> {
    let no_roots = |error: std::io::Error| Problem {
        name: "TLS".into(),
        what: format!(
            "no root certificates can be read from this system ({}); install ca-certificates",
            error.kind()
        ),
    };
    Slack::new(&config.slack).map_err(|error| vec![no_roots(error)])
}

/// SIGTERM from a service manager, SIGINT from a terminal.
async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the system's own take effect: the process ends at once.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Whatever happens, the process is gone ten seconds after it was told to stop.
fn end_at_last() {
    tasks::last_resort::after(told_to_stop(), tasks::LAST_RESORT, || {
        warn("sluice did not stop by itself in time and ends now; what was under way continues elsewhere\n");
        std::process::exit(1);
    });
}

/// SIGHUP: the configuration is read again. Until it stops, nothing ends this.
async fn told_to_reload(reload: &Reload) -> Infallible {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    while hang_up.recv().await.is_some() {
        reload.again();
    }
    std::future::pending().await
}

fn print_manifest(prefix: String, only_umbrella: bool, url: &str) -> Exit {
    let mut problems = Vec::new();
    if !manifest::is_prefix(&prefix) {
        problems.push(Problem { name: "--prefix".into(), what: manifest::PREFIX_RULE.into() });
    }
    let url = manifest::request_url(url);
    if url.is_none() {
        problems.push(Problem {
            name: "--url".into(),
            what: "is no URL, as in `https://sluice.example.com`".into(),
        });
    }
    match url.filter(|_| problems.is_empty()) {
        Some(url) => {
            say(&manifest::manifest(&Names { prefix, only_umbrella }, &url));
            Exit::Done
        }
        None => complain(&problems),
    }
}

/// Tells every problem of the configuration at once.
fn complain(problems: &[Problem]) -> Exit {
    let mut told = String::from("sluice cannot start, its configuration is not right:\n");
    for problem in problems {
        told.push_str(&format!("  {problem}\n"));
    }
    warn(&told);
    Exit::BadConfiguration
}

/// To standard output; a closed pipe is no error of ours.
fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// To standard error.
fn warn(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
