//! Runs one build, from its slot to its end.
//!
//! The order of the phases, and which ones a failure skips, are CodeBuild's: POST_BUILD still runs after a failed BUILD; an
//! earlier failure skips everything except the end.
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html>

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::super::access::{Access, Action};
use super::super::account::{REGION, ROLE_KEY, SECRET_KEY, arn, session_token};
use super::super::git::{self, Repositories};
use super::super::upstream::Upstream;
use super::artifacts;
use super::buildspec::{Buildspec, PHASES, PhaseSpec};
use super::logs::LogSink;
use super::run::BuildRun;
use super::shell::Shell;

use crate::processes::Processes;

/// The parts of the sandbox that builds use.
#[derive(Clone)]
pub struct Context {
    pub folder: PathBuf,
    pub repositories: Repositories,
    pub upstream: Upstream,
    pub access: Access,
    pub processes: Processes,
    pub tools: PathBuf,
    pub packager: PathBuf,
    pub endpoint: String,
}

/// Why a phase failed: CodeBuild's status code and the message.
type Failure = (&'static str, String);

/// The result of a build whose phases are already recorded.
enum Outcome {
    Succeeded,
    Failed,
}

/// Runs a build as soon as a slot is free.
pub async fn run(context: Context, slots: Arc<Semaphore>, run: Arc<BuildRun>) {
    let minutes = run.lock().timeout_minutes;
    let permit = tokio::select! {
        permit = slots.acquire() => permit.ok(),
        () = run.stop.cancelled() => None,
    };
    let status = if permit.is_none() {
        run.lock().leave("STOPPED", None);
        "STOPPED"
    } else {
        // Dropping the build drops its shell, which kills everything that the build started.
        tokio::select! {
            end = build(&context, &run) => match end {
                Outcome::Succeeded => "SUCCEEDED",
                Outcome::Failed => "FAILED",
            },
            () = run.stop.cancelled() => {
                run.lock().leave("STOPPED", None);
                "STOPPED"
            }
            () = tokio::time::sleep(Duration::from_secs(minutes * 60)) => {
                run.lock().leave("TIMED_OUT", None);
                "TIMED_OUT"
            }
        }
    };
    run.lock().finish(status);
}

async fn build(context: &Context, run: &BuildRun) -> Outcome {
    let (group, stream) = {
        let mut build = run.lock();
        build.enter("PROVISIONING");
        (build.log_group.clone(), build.uuid.clone())
    };
    let log = LogSink::to_cloud(&run.log, context.upstream.clone(), group, stream);
    let folder = tempfile::Builder::new().prefix("build-").tempdir_in(&context.folder);
    let (log, folder) = match (log, folder) {
        (Ok(log), Ok(folder)) => (log, folder),
        (Err(error), _) | (_, Err(error)) => {
            run.lock().leave("FAILED", Some(("INTERNAL_ERROR", error.to_string())));
            return Outcome::Failed;
        }
    };
    let end = match authorize_logs(context, run).await {
        Ok(()) => phases(context, run, folder.path(), &log).await,
        Err(failure) => fail(run, &log, failure),
    };
    // The last lines must be readable before the build is complete.
    log.finish().await;
    end
}

/// CodeBuild writes the log with the permissions of the build's role, and fails the build without them.
async fn authorize_logs(context: &Context, run: &BuildRun) -> Result<(), Failure> {
    let (group, stream, id) = {
        let build = run.lock();
        (build.log_group.clone(), build.uuid.clone(), build.arn())
    };
    for action in ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"] {
        let stream = if action == "logs:CreateLogGroup" { "" } else { &stream };
        let action = Action::new(action, arn("logs", &format!("log-group:{group}:log-stream:{stream}")));
        let message = |sentence| {
            format!(
                "Service role does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for build \
                 {id}. Error message: {sentence}"
            )
        };
        authorize(context, run, &action).await.map_err(|sentence| ("ACCESS_DENIED", message(sentence)))?;
    }
    Ok(())
}

/// Checks that the build's role allows what CodeBuild does on its behalf.
async fn authorize(context: &Context, run: &BuildRun, action: &Action) -> Result<(), String> {
    let role = run.lock().service_role().to_owned();
    match context.access.refused_to_role(&role, "AWSCodeBuild", action).await {
        Some(sentence) => Err(sentence),
        None => Ok(()),
    }
}

async fn phases(context: &Context, run: &BuildRun, folder: &Path, log: &LogSink) -> Outcome {
    log.note("Waiting for agent ping");
    run.lock().enter("DOWNLOAD_SOURCE");
    let source = folder.join("src");
    let prepared = match check_out(context, run, &source, log).await {
        Ok(()) => read_spec(run, &source).and_then(|spec| {
            let shell = start_shell(context, run, folder, &source, &spec);
            shell.map(|shell| (spec, shell)).map_err(|error| ("INTERNAL_ERROR", error.to_string()))
        }),
        Err(failure) => Err(failure),
    };
    let (spec, mut shell) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return fail(run, log, failure),
    };
    log.note("Phase complete: DOWNLOAD_SOURCE State: SUCCEEDED");
    let mut failed = false;
    for (phase, (_, kind)) in spec.phases.iter().zip(PHASES) {
        run.lock().enter(kind);
        log.note(&format!("Entering phase {kind}"));
        let outcome = run_phase(&mut shell, phase, log).await;
        let state = if outcome.is_ok() { "SUCCEEDED" } else { "FAILED" };
        log.note(&format!("Phase complete: {kind} State: {state}"));
        if let Err(failure) = outcome {
            fail(run, log, failure);
            failed = true;
            if kind != "BUILD" || phase.abort {
                break;
            }
        }
    }
    // The last phase before POST_BUILD ended the build.
    let uploads = run.lock().phases.last().is_some_and(|phase| phase.kind == "POST_BUILD");
    if uploads {
        run.lock().enter("UPLOAD_ARTIFACTS");
        if let Err(failure) = upload(context, run, &source, &spec, log).await {
            fail(run, log, failure);
            failed = true;
        }
    }
    run.lock().enter("FINALIZING");
    if failed { Outcome::Failed } else { Outcome::Succeeded }
}

fn fail(run: &BuildRun, log: &LogSink, failure: Failure) -> Outcome {
    log.note(&format!("Phase context status code: {} Message: {}", failure.0, failure.1));
    run.lock().leave("FAILED", Some(failure));
    Outcome::Failed
}

async fn check_out(context: &Context, run: &BuildRun, source: &Path, log: &LogSink) -> Result<(), Failure> {
    let (location, version) = {
        let build = run.lock();
        (build.source["location"].as_str().unwrap_or_default().to_owned(), build.source_version.clone())
    };
    let name = location.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(name);
    let download = |message: String| ("CLIENT_ERROR", message);
    if !git::is_name(name) || !context.repositories.path(name).exists() {
        return Err(download(format!(
            "repository not found for primary source and source version: {location}"
        )));
    }
    let pull = Action::new("codecommit:GitPull", arn("codecommit", name));
    let denied = |sentence| download(format!("authorization failed for primary source: {sentence}"));
    authorize(context, run, &pull).await.map_err(denied)?;
    let version = version.filter(|version| !version.is_empty()).unwrap_or_else(|| "HEAD".into());
    let wanted = format!("{version}^{{commit}}");
    let resolve = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
    let commit = context.repositories.query(name, &resolve).await;
    let commit =
        commit.ok_or_else(|| download(format!("reference not found for source version {version}")))?;
    run.lock().resolved = Some(commit.clone());
    log.note(&format!("Checking out {commit}"));
    let repository = context.repositories.path(name);
    let (from, to) = (repository.to_string_lossy(), source.to_string_lossy());
    let clone: [&str; 5] = ["clone", "--quiet", "--no-checkout", &from, &to];
    for (folder, args) in
        [(context.folder.as_path(), &clone[..]), (source, &["checkout", "--quiet", &commit])]
    {
        let output = git::command(folder).args(args).output().await;
        let output = output.map_err(|error| download(format!("git: {error}")))?;
        if !output.status.success() {
            return Err(download(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
    }
    Ok(())
}

/// The buildspec: from the request or the project (as text or as a path), or `buildspec.yml`.
fn read_spec(run: &BuildRun, source: &Path) -> Result<Buildspec, Failure> {
    let given = run.lock().buildspec.clone();
    let text = match given {
        Some(text) if text.contains('\n') => text,
        path => {
            let path = path.unwrap_or_else(|| "buildspec.yml".into());
            let missing = || format!("YAML_FILE_ERROR: stat {path}: no such file or directory");
            std::fs::read_to_string(source.join(&path)).map_err(|_| ("YAML_FILE_ERROR", missing()))?
        }
    };
    Buildspec::parse(&text).map_err(|why| ("YAML_FILE_ERROR", why))
}

/// Where Rust is on this machine, with its toolchains and the crates that were downloaded before: without these two, a build with
/// its own `HOME` finds the `cargo` of rustup and no toolchain.
fn rust_folders() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let home = std::env::home_dir().unwrap_or_default();
    [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")].into_iter().filter_map(move |(name, folder)| {
        let place = std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
        place.is_dir().then_some((name, place))
    })
}

/// Starts bash in the source's folder. Of this machine's environment, a build gets only the `PATH` and the places of Rust.
fn start_shell(
    context: &Context,
    run: &BuildRun,
    folder: &Path,
    source: &Path,
    spec: &Buildspec,
) -> std::io::Result<Shell> {
    let (home, temp) = (folder.join("home"), folder.join("tmp"));
    std::fs::create_dir_all(&home)?;
    std::fs::create_dir_all(&temp)?;
    let host_path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
    let build = run.lock().clone();
    Shell::start(&context.processes, |command: &mut Command| {
        command
            .current_dir(source)
            .env_clear()
            .env("PATH", format!("{}:{host_path}", context.tools.display()))
            .env("HOME", &home)
            .envs(rust_folders())
            .env("TMPDIR", &temp)
            .env("LANG", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ROLE_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_SESSION_TOKEN", session_token(build.service_role()))
            .env("AWS_ENDPOINT_URL", &context.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .env("SLUICE_PACKAGE_CACHE", &context.packager)
            .env("CI", "true")
            .env("CODEBUILD_CI", "true")
            .env("CODEBUILD_BUILD_ID", &build.id)
            .env("CODEBUILD_BUILD_ARN", build.arn())
            .env("CODEBUILD_RESOLVED_SOURCE_VERSION", build.resolved.as_deref().unwrap_or_default())
            .env("CODEBUILD_SOURCE_VERSION", build.source_version.as_deref().unwrap_or_default())
            .env("CODEBUILD_SRC_DIR", source)
            .env("CODEBUILD_BUILD_SUCCEEDING", "1")
            // Variables of the request override the project's, which override the buildspec's.
            .envs(spec.variables.iter().map(|(name, value)| (name, value)))
            .envs(build.variables());
    })
}

async fn run_phase(shell: &mut Shell, phase: &PhaseSpec, log: &LogSink) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for command in &phase.commands {
        outcome = run_command(shell, command, log).await;
        if outcome.is_err() {
            break;
        }
    }
    for command in &phase.finally {
        let finally = run_command(shell, command, log).await;
        if finally.is_err() {
            return outcome.and(finally);
        }
    }
    if outcome.is_err() {
        // CodeBuild sets this for POST_BUILD after a failed build.
        let _ = shell.run("export CODEBUILD_BUILD_SUCCEEDING=0", log).await;
    }
    outcome
}

async fn run_command(shell: &mut Shell, command: &str, log: &LogSink) -> Result<(), Failure> {
    log.note(&format!("BuildRun command {}", command.trim_end()));
    let reason = match shell.run(command, log).await {
        Ok(0) => return Ok(()),
        Ok(status) => format!("exit status {status}"),
        Err(error) => error.to_string(),
    };
    log.note(&format!("Command did not exit successfully {} {reason}", command.trim_end()));
    let message = format!("Error while executing command: {}. Reason: {reason}", command.trim_end());
    Err(("COMMAND_EXECUTION_ERROR", message))
}

async fn upload(
    context: &Context,
    run: &BuildRun,
    source: &Path,
    spec: &Buildspec,
    log: &LogSink,
) -> Result<(), Failure> {
    let (wanted, uuid) = {
        let build = run.lock();
        (build.artifacts.clone(), build.uuid.clone())
    };
    let Some(artifact) = spec.artifacts.as_ref().filter(|_| is_uploaded(&wanted)) else { return Ok(()) };
    let client = |message: String| ("CLIENT_ERROR", message);
    let files = artifacts::collect(source, artifact).map_err(client)?;
    let bucket = wanted["location"].as_str().unwrap_or_default();
    for file in &files {
        let key = artifacts::key(&wanted, &uuid, artifact.name.as_deref(), &file.name);
        let put = Action::new("s3:PutObject", format!("arn:aws:s3:::{bucket}/{key}"));
        authorize(context, run, &put).await.map_err(client)?;
        log.note(&format!("Uploading {}", file.name));
    }
    let location =
        artifacts::upload(&context.upstream, &wanted, &uuid, artifact.name.as_deref(), &files).await;
    run.lock().artifact_location = Some(location.map_err(client)?);
    Ok(())
}

fn is_uploaded(artifacts: &Value) -> bool {
    artifacts["type"] == "S3"
}
