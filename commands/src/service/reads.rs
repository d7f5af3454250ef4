//! Reading commands, answered from the records: `list`, `status`, `log`. No command loads all pipelines to read one.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::Timestamp;

use crate::rules::{Attempt, Lock, Subjects, Want, pass, redact};
use crate::records::{Build, BuildState, PipelineState, Stage, and, from_item};
use crate::operation::{EngineError, Slot, Snapshot, marked};
use crate::build_op::change_text;
use crate::promote;
use crate::ports::{Order, Query};
use crate::installation::drift::{DriftReport, moved};
use crate::pipeline::history::Wanted;
use crate::installation::{Invocation, Stop};
use crate::service::Service;
use sluice_grammar::{
    BuildCommand, Command, DeployCommand, ParseError, PipelineCommand, PromoteCommand, RepoCommand,
    StageCommand,
};
use sluice_model::{Answer, BuildNumber, Card, Part, PipelineName, Refusal, StageName, Text, Tone};

/// How many rows a list shows.
const ROWS: u32 = 15;
/// How many pipelines the status of all shows, and how many are read in parallel.
const PIPELINES: u32 = 40;
const SIDE_BY_SIDE: usize = 8;
/// How many lines of a log are shown: as many as fit into a message.
const LOG_LINES: u32 = 40;

pub(super) fn newest(partition: String, limit: u32) -> Query {
    Query { partition, prefix: String::new(), order: Order::Descending, limit: Some(limit), after: None }
}

pub(super) fn table(card: Card, header: [&str; 4], rows: Vec<Vec<Text>>) -> Card {
    card.part(Part::Table { header: header.map(str::to_owned).into(), rows })
}

fn runs(stage: Option<&Stage>) -> Text {
    if let Some(mixed) = stage.and_then(|stage| stage.mixed.as_ref()) {
        let versions: Vec<_> = mixed.iter().map(|(name, version)| format!("{name}:{version}")).collect();
        return Text::plain(format!("mixed: {}", versions.join(", ")));
    }
    match stage.and_then(|stage| stage.current.as_ref()) {
        // No code spans: "runs r1" is read and searched for as one phrase.
        Some(current) => Text::plain(format!("runs {} (build {})", current.release, current.build)),
        None => Text::plain("runs nothing yet"),
    }
}

impl Service {
    /// Answers a command that changes nothing.
    pub(super) async fn read(&self, invocation: &Invocation, command: Command) -> Result<Answer, Stop> {
        match command {
            Command::Pipeline(PipelineCommand::Help { command }) => {
                Ok(Answer::private(sluice_grammar::help(command.as_deref(), &self.names)))
            }
            Command::Repo(RepoCommand::List {}) => self.list_pipelines().await,
            Command::Build(BuildCommand::List { name }) => self.list_builds(&name).await,
            Command::Build(BuildCommand::Log { name, build }) => {
                self.build_log(invocation, &name, build).await
            }
            Command::Stage(StageCommand::List { name }) => self.list_stages(&name).await,
            Command::Pipeline(PipelineCommand::Status { name: Some(name) }) => self.status(&name).await,
            Command::Pipeline(PipelineCommand::Status { name: None }) => self.status_of_all().await,
            Command::Pipeline(PipelineCommand::History { name, stage, person, since, until }) => {
                let wanted = Wanted { name, stage, person, since, until };
                self.history(wanted, invocation.actor.terminal, None).await
            }
            Command::Pipeline(PipelineCommand::Who { name: Some(name) }) => self.who_of(&name).await,
            Command::Pipeline(PipelineCommand::Who { name: None }) => self.who().await,
            Command::Pipeline(PipelineCommand::Check { name, stage }) => {
                self.check(invocation, &name, stage.as_ref()).await
            }
            other => Err(EngineError::Corrupt(format!("no answer to {other}")).into()),
        }
    }

    /// The answer to a command whose pipeline does not exist.
    pub(crate) async fn unknown_pipeline(
        &self,
        name: &PipelineName,
        command: &Command,
    ) -> Result<Card, Stop> {
        let known = self.pipelines(200).await?;
        let mut card =
            Card::new(Tone::Bad, Text::plain("There is no pipeline ").code(name.as_str()).then("."));
        let near = sluice_grammar::closest(name.as_str(), known.iter().map(PipelineName::as_str));
        let swapped = self.swapped(&known, command).await?;
        card = match near {
            _ if swapped.is_some() => {
                let line = swapped.map(|command| command.to_string()).unwrap_or_default();
                card.hint(Text::plain("Did you mean ").code(line).then("?"))
            }
            Some(near) => card.hint(Text::plain("Did you mean ").code(near).then("?")),
            None => match command.other_reading() {
                Some(line) => card.hint(Text::plain("Did you mean ").code(line).then("?")),
                None => {
                    card.hint(marked(&format!("Create it with `/repo create {name}`, or see `/repo list`.")))
                }
            },
        };
        Ok(card.foot(Text::plain("code ").code("no-such-pipeline")))
    }

    /// The command with pipeline and stage swapped, if both exist: `/rollback prod orders`.
    async fn swapped(&self, known: &[PipelineName], command: &Command) -> Result<Option<Command>, Stop> {
        let Some((name, stage, swapped)) = command.swapped().filter(|(name, ..)| known.contains(name)) else {
            return Ok(None);
        };
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, &name).await?;
        if !state.stages.contains_key(&stage) {
            return Ok(None);
        }
        // A protected stage does not accept deploys.
        let is_deploy = matches!(swapped, Command::Deploy(DeployCommand::Deploy { .. }));
        Ok(Some(match swapped {
            _ if is_deploy && state.is_protected(&stage) => Command::promotion(name, stage),
            other => other,
        }))
    }

    /// Adds the pipeline's stages to the answer to a command that lacks a stage.
    pub(super) async fn with_stages(
        &self,
        slash: &str,
        mut wrong: Box<ParseError>,
    ) -> Result<Box<ParseError>, Stop> {
        let Some(name) = wrong.lacks_stage_of.clone() else { return Ok(wrong) };
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, &name).await?;
        let reads = |text: String| {
            sluice_grammar::parse(slash, &text, &self.names).ok().filter(|read| !read.waives())
        };
        if let Some(pipeline) = &state.pipeline {
            let stages: Vec<&str> = pipeline.stages.iter().map(StageName::as_str).collect();
            wrong.problem = format!("{}; `{name}` has {}", wrong.problem, and(&stages));
            // No release is promoted to the first stage.
            let reading = stages.last().and_then(|stage| reads(format!("{} {stage}", wrong.typed)));
            let is_meant = |read: &Command| {
                stages.len() > 1 || !matches!(read, Command::Promote(PromoteCommand::Promote { .. }))
            };
            wrong.nearest = wrong.nearest.take().or(reading.filter(is_meant).map(|read| read.to_string()));
            return Ok(wrong);
        }
        // `/rollback prod` names the stage but not the pipeline.
        let known = self.pipelines(SIDE_BY_SIDE as u32).await?;
        let views = self.views(&known).await?;
        let has_it = |state: &PipelineState| state.stages.keys().any(|stage| stage.as_str() == name.as_str());
        let mut having = views.iter().filter(|(_, state)| has_it(state)).map(|(name, _)| name);
        if let Some(first) = having.next() {
            wrong.problem = format!("`{name}` is a stage, and the name of the pipeline is missing");
            wrong.understood = None;
            let is_only = having.next().is_none();
            let reading = reads(format!("{first} {name}")).filter(|_| is_only);
            wrong.nearest = wrong.nearest.take().or(reading.map(|read| read.to_string()));
        } else {
            wrong.problem = format!("there is no pipeline `{name}`");
            wrong.understood = None;
        }
        Ok(wrong)
    }

    async fn pipelines(&self, limit: u32) -> Result<Vec<PipelineName>, Stop> {
        let world = self.engine.world();
        let query = Query { order: Order::Ascending, ..newest(world.keys.catalog_partition(), limit) };
        let page = world.store.query(query).await?;
        let names = page.items.iter().map(|item| PipelineName::new(item.key.sort.clone()));
        names.collect::<Result<_, _>>().map_err(|error| EngineError::Corrupt(error.to_string()).into())
    }

    pub(super) async fn state(&self, name: &PipelineName) -> Result<PipelineState, Stop> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        if state.pipeline.is_none() {
            let command = Command::Pipeline(PipelineCommand::Status { name: Some(name.clone()) });
            return Err(Stop::send_signal(self.unknown_pipeline(name, &command).await?));
        }
        Ok(state)
    }

    /// The same, with the roles.
    pub(super) async fn snapshot(&self, name: &PipelineName, command: &Command) -> Result<Snapshot, Stop> {
        let snapshot = Snapshot::read(self.engine.world(), name).await?;
        if snapshot.state.pipeline.is_none() {
            return Err(Stop::send_signal(self.unknown_pipeline(name, command).await?));
        }
        Ok(snapshot)
    }

    /// `/repo list`.
    pub(crate) async fn list_pipelines(&self) -> Result<Answer, Stop> {
        let names = self.pipelines(PIPELINES).await?;
        if names.is_empty() {
            return Ok(Answer::private(none_yet()));
        }
        let views = self.views(&names).await?;
        let rows = views.iter().filter_map(|(name, state)| {
            let pipeline = state.pipeline.as_ref()?;
            Some(vec![
                Text::default().code(name.as_str()),
                Text::default().code(pipeline.repository.as_str()),
                Text::default().channel(&pipeline.home),
                Text::default().user(&pipeline.creator.id),
            ])
        });
        let card = Card::new(Tone::Neutral, pipelines_title("List of ", names.len()))
            .hint(marked("For the details of a pipeline, run `/pipeline status NAME`."));
        Ok(Answer::private(table(card, ["Pipeline", "Repository", "Home", "Created by"], rows.collect())))
    }

    async fn views(&self, names: &[PipelineName]) -> Result<Vec<(PipelineName, PipelineState)>, Stop> {
        let world = self.engine.world();
        let mut views = vec![];
        for some in names.chunks(SIDE_BY_SIDE) {
            let reads = some.iter().map(|name| PipelineState::read(&*world.store, &world.keys, name));
            views.extend(some.iter().cloned().zip(try_join_all(reads).await?));
        }
        Ok(views)
    }

    /// `/pipeline status`.
    pub(crate) async fn status_of_all(&self) -> Result<Answer, Stop> {
        let names = self.pipelines(PIPELINES).await?;
        if names.is_empty() {
            return Ok(Answer::private(none_yet()));
        }
        let mut card = Card::new(Tone::Neutral, pipelines_title("Status of ", names.len()));
        for (name, state) in self.views(&names).await? {
            let Some(pipeline) = &state.pipeline else { continue };
            let mut line = Text::default().code(name.as_str()).then(" · ");
            for (n, stage) in pipeline.stages.iter().enumerate() {
                line = if n > 0 { line.then(" → ") } else { line };
                line = line.code(stage.as_str()).then(" ").join(runs(state.stages.get(stage)));
                if state.outside.contains_key(stage) {
                    line = line.then(", but was moved outside Sluice");
                }
            }
            card = card.text(line);
        }
        Ok(Answer::private(card.hint(marked("For the details of a pipeline, run `/pipeline status NAME`."))))
    }

    /// `/pipeline status NAME`: one request to the store, and calls to AWS if the last comparison is older than a minute.
    pub(crate) async fn status(&self, name: &PipelineName) -> Result<Answer, Stop> {
        let state = self.state(name).await?;
        let pipeline = state.pipeline(name)?;
        let mut card = Card::new(Tone::Neutral, Text::plain("Status of ").code(name.as_str()));
        let rows = pipeline.stages.iter().map(|stage| {
            let record = state.stages.get(stage);
            let current = record.and_then(|record| record.current.as_ref());
            vec![
                Text::default().code(stage.as_str()),
                runs(record),
                current.map_or(Text::plain("–"), |current| change_text(&current.commit)),
                current.map_or(Text::plain("–"), |current| {
                    Text::default().user(&current.by.id).then(" ").time(current.since)
                }),
            ]
        });
        card = table(card, ["Stage", "Runs", "Commit", "Since"], rows.collect());
        let urls = pipeline.stages.iter().filter_map(|stage| {
            let url = state.stages.get(stage)?.url.clone()?;
            Some(Text::default().code(stage.as_str()).then(" ").link(url.clone(), url))
        });
        let void = promote::void_outdated(self.engine.world(), &state, None).await?;
        let open = state.tickets.iter().filter(|ticket| !void.contains(&ticket.operation)).map(|ticket| {
            let line = Text::plain("Open: ").code(ticket.fingerprint.clone());
            match &ticket.queued {
                Some(Slot::Pipeline) => line.then(", waiting for its turn to publish"),
                Some(Slot::Stage(stage)) => line.then(", waiting for its turn on ").code(stage.as_str()),
                None => line,
            }
        });
        let drift_report = self.drift_report(name, &state).await?;
        let outside = match &drift_report {
            DriftReport::Seen(_, stages) => {
                stages.iter().filter_map(|(stage, found)| Some((stage, found.as_ref()?))).collect()
            }
            // Drift that was seen before may still exist.
            DriftReport::Unknown(_) => state.outside.iter().collect::<Vec<_>>(),
        };
        let outside = lines(outside.into_iter().map(|(stage, outside)| moved(stage, outside)));
        let now = self.engine.world().clock.now();
        let locks = state.locks.values().filter(|lock| lock.holds(now));
        let locks =
            locks.map(|lock| Text::default().code(lock.stage.as_str()).then(" is ").join(locked(lock)));
        // One paragraph for each subject: with one block for each line, fifty stages would exceed the limit of a message.
        for lines in
            [outside, lines(urls), lines(locks), lines(open)].into_iter().filter(|lines| !lines.is_empty())
        {
            card = card.text(lines);
        }
        if let Some(next) = next_step(&state, name, now) {
            card = card.hint(Text::plain("Next: ").code(next));
        }
        let green = match state.counters.newest_green() {
            Some(number) => Text::plain("Newest green build ").code(number.to_string()),
            None => Text::plain("No green build yet"),
        };
        card = card.foot(green.then(" · clone ").code(pipeline.clone_url.clone()));
        card = card.foot(match drift_report {
            DriftReport::Seen(at, _) => Text::plain("Compared with AWS ").time(at),
            DriftReport::Unknown(why) => Text::plain(format!("Could not be compared with AWS: {why}")),
        });
        Ok(Answer::private(card))
    }

    /// `/stage list`.
    pub(crate) async fn list_stages(&self, name: &PipelineName) -> Result<Answer, Stop> {
        let state = self.state(name).await?;
        let pipeline = state.pipeline(name)?;
        let rows = pipeline.stages.iter().map(|stage| {
            let record = state.stages.get(stage);
            let policy = state.policy(stage).words();
            let now = self.engine.world().clock.now();
            let policy = match state.locks.get(stage).filter(|lock| lock.holds(now)) {
                Some(lock) => policy.then("; ").join(locked(lock)),
                None => policy,
            };
            let url = record.and_then(|record| record.url.clone());
            vec![
                Text::default().code(stage.as_str()),
                policy,
                runs(record),
                url.map_or(Text::plain("–"), |url| Text::default().link(url.clone(), url)),
            ]
        });
        let card = Card::new(Tone::Neutral, Text::plain("Stages of ").code(name.as_str()));
        Ok(Answer::private(table(card, ["Stage", "Policy", "Runs", "URL"], rows.collect())))
    }

    /// `/build list`.
    pub(crate) async fn list_builds(&self, name: &PipelineName) -> Result<Answer, Stop> {
        self.state(name).await?;
        let world = self.engine.world();
        let page = world.store.query(newest(world.keys.builds_partition(name), ROWS)).await?;
        let builds: Vec<Build> = page.items.iter().map(from_item).collect::<Result<_, _>>()?;
        if builds.is_empty() {
            let card =
                Card::new(Tone::Neutral, Text::default().code(name.as_str()).then(" has no builds yet."));
            return Ok(Answer::private(card.hint(marked(&format!("Build it: `/build {name}`.")))));
        }
        let rows = builds.iter().map(|build| {
            vec![
                Text::default().code(build.number.to_string()),
                Text::plain(state(build.state)),
                build.commit.as_ref().map_or(Text::plain(build.reference.clone()), change_text),
                Text::default().user(&build.actor.id).then(" ").time(build.asked),
            ]
        });
        let card = Card::new(Tone::Neutral, Text::plain("Builds of ").code(name.as_str()))
            .hint(marked(&format!("To see a log, run `/build log {name} #1`.")));
        Ok(Answer::private(table(card, ["Build", "State", "Commit", "Requested by"], rows.collect())))
    }

    /// `/build log`.
    pub(crate) async fn build_log(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        build: Option<BuildNumber>,
    ) -> Result<Answer, Stop> {
        let state = self.state(name).await?;
        if invocation.channel.as_ref() != Some(&state.pipeline(name)?.home) {
            self.may_read_logs(invocation, &state, name).await?;
        }
        let newest = u32::try_from(state.counters.builds).ok().filter(|number| *number > 0).map(BuildNumber);
        let Some(number) = build.or(newest) else {
            let card =
                Card::new(Tone::Neutral, Text::default().code(name.as_str()).then(" has no builds yet."));
            return Ok(Answer::private(card.hint(marked(&format!("Build it: `/build {name}`.")))));
        };
        let world = self.engine.world();
        let item = world.store.get(&world.keys.build(name, number)).await?;
        let build: Build = match item {
            Some(item) => from_item(&item)?,
            None => {
                return Err(Refusal::new(
                    "no-such-build",
                    format!("Pipeline `{name}` has no build `{number}`."),
                    format!("See its builds with `/build list {name}`."),
                )
                .into());
            }
        };
        let title = Text::plain("Log of build ").code(number.to_string()).then(" of ").code(name.as_str());
        let mut card = Card::new(
            Tone::Neutral,
            title.then(", which ").then(match build.state {
                BuildState::Running => "is running",
                BuildState::Succeeded => "succeeded",
                BuildState::Failed => "failed",
                BuildState::Cancelled => "cancelled",
            }),
        );
        let lines = match &build.log {
            Some(log) => world.logs.tail(&world.target, log, LOG_LINES).await.map_err(EngineError::from)?,
            None => vec![],
        };
        card = if lines.is_empty() {
            card.text("There is no log yet.")
        } else {
            card.part(Part::Code(redact::tail(&redact::lines(lines.iter().map(String::as_str)))))
        };
        if let Some(link) = &build.log_link {
            card = card.text(Text::default().link(link.clone(), "Full log"));
        }
        card = match build.state {
            BuildState::Running => card,
            BuildState::Succeeded => {
                card.hint(Text::plain("Next: ").code(format!("/deploy {name} {number}")))
            }
            BuildState::Failed | BuildState::Cancelled => {
                card.hint(marked(&format!("Fix it, push, then run `/build {name}`.")))
            }
        };
        Ok(Answer::private(card))
    }
}

impl Service {
    /// Logs may contain information that is not for the whole workspace. Outside the home channel, only people with a role
    /// for the pipeline and approvers of its stages can read them.
    async fn may_read_logs(
        &self,
        invocation: &Invocation,
        state: &PipelineState,
        name: &PipelineName,
    ) -> Result<(), Stop> {
        let named: BTreeSet<_> =
            state.policies.values().flat_map(|policy| policy.approvers.iter().cloned()).collect();
        let subjects = Subjects::people([&invocation.actor.id]).naming(&named);
        let roles = self.engine.world().roles_about(Some(name), subjects).await?;
        match roles.access().read_logs(&invocation.actor.id, &named) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// A lock, for use in a line.
fn locked(lock: &Lock) -> Text {
    let text = Text::plain(if lock.hard { "hard-locked by " } else { "locked by " }).user(&lock.owner.id);
    text.then(" until ").time(lock.until).then(format!(": {}", lock.reason))
}

fn none_yet() -> Card {
    Card::new(Tone::Neutral, "There are no pipelines yet.").hint(marked("Create one: `/repo create orders`."))
}

fn pipelines_title(before: &str, count: usize) -> String {
    match count {
        1 => format!("{before}1 pipeline"),
        // There may be more: see `PIPELINES`.
        count if count == PIPELINES as usize => format!("{before}the first {count} pipelines"),
        count => format!("{before}{count} pipelines"),
    }
}

pub(super) fn lines(lines: impl Iterator<Item = Text>) -> Text {
    lines.fold(Text::default(), |all, line| if all.0.is_empty() { line } else { all.then("\n").join(line) })
}

/// The next command for the first stage that runs nothing. If a gate of the stage is closed, the command is the check.
fn next_step(state: &PipelineState, name: &PipelineName, at: Timestamp) -> Option<String> {
    let pipeline = state.pipeline.as_ref()?;
    let runs = |stage: &StageName| state.stages.get(stage).is_some_and(|stage| stage.current.is_some());
    let empty = pipeline.stages.iter().position(|stage| !runs(stage))?;
    Some(match (empty, state.counters.newest_green()) {
        (0, None) => format!("/build {name}"),
        (0, Some(_)) => format!("/deploy {name}"),
        (nth, _) => {
            let stage = pipeline.stages.get(nth)?;
            let (from, source) =
                pipeline.before(stage).and_then(|from| Some((from, state.stages.get(from)?)))?;
            let release = source.current.as_ref()?.release;
            let want = Want::Promote { from, release, again: false, overrides: false };
            let is_open = pass(state, &Attempt { pipeline: name, stage, want, at }).is_ok();
            let word = if is_open && source.mixed.is_none() { "/promote" } else { "/pipeline check" };
            format!("{word} {name} {stage}")
        }
    })
}

fn state(state: BuildState) -> &'static str {
    match state {
        BuildState::Running => "running",
        BuildState::Succeeded => "succeeded",
        BuildState::Failed => "failed",
        BuildState::Cancelled => "cancelled",
    }
}
