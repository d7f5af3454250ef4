//! The way of one application from its folder to its last stage, with the commands that people type.

use std::path::Path;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::plan::{Application, Plan};
use super::report::{Reached, Report};
use super::{exercise, settings};
use crate::{Message, Repository, State, World};

/// How often a command is repeated after the settings that its refusal asked for.
const REPEATS: usize = 5;
/// The last lines of a build's log, where the packager says what it refuses.
const LOG_LINES: usize = 14;
/// The buildspec that `from sam` brings.
const BUILDSPEC: &str = "version: 0.2\n\nphases:\n  build:\n    commands:\n      - sh -c \"$SLUICE_PACKAGE\"\n\nartifacts:\n  \
                         files:\n    - packaged.json\n    - sluice-lines.json\n    - sluice-manifest.json\n";

/// One application on its way.
pub(super) struct Delivery<'a> {
    world: &'a World,
    plan: &'a Plan,
    application: &'a Application,
    report: &'a mut Report,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(
        world: &'a World,
        plan: &'a Plan,
        application: &'a Application,
        report: &'a mut Report,
    ) -> Self {
        Self { world, plan, application, report }
    }

    /// Goes the whole way; the error is the refusal.
    pub(super) async fn run(mut self) -> Result<(), String> {
        let Application { folder, pipeline, .. } = self.application;
        self.command(&format!("/repo create {pipeline} from sam")).await?;
        self.push(folder)?;
        if let Err(refusal) = self.command(&format!("/build {pipeline}")).await {
            return Err(self.end_of_log().await.unwrap_or(refusal));
        }
        self.report.reached = Reached::Built;
        let (first, others) = self.plan.stages.split_first().ok_or("the plan has no stage")?;
        self.with_settings(first, &format!("/deploy {pipeline}")).await?;
        self.report.reached = Reached::Deployed;
        for stage in others {
            self.command(&format!("/stage add {pipeline} {stage}")).await?;
            self.with_settings(stage, &format!("/promote {pipeline} {stage}")).await?;
        }
        self.report.reached = Reached::Promoted;
        let last = others.last().unwrap_or(first);
        self.report.doing = format!("calls of {pipeline} on {last}");
        exercise::exercise(self.world, pipeline, last, self.report).await?;
        self.report.reached = Reached::Exercised;
        Ok(())
    }

    /// Replaces the scaffold with the application.
    fn push(&self, folder: &Path) -> Result<(), String> {
        let repository = Repository::clone(self.world, &self.application.pipeline);
        repository.replace(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        // A buildspec for another way to deploy is none for Sluice.
        repository.write_unless(
            "buildspec.yml",
            self.plan.buildspec.as_deref().unwrap_or(BUILDSPEC),
            |own| own.contains("SLUICE_PACKAGE"),
        );
        repository.push(&self.application.name);
        Ok(())
    }

    /// Types a command, and repeats it after the settings that its refusal asks for.
    async fn with_settings(&mut self, stage: &str, line: &str) -> Result<(), String> {
        for _ in 0..REPEATS {
            let Err(refusal) = self.command(line).await else { return Ok(()) };
            let mut asked = settings::asked(&refusal, &self.plan.parameters);
            asked.retain(|setting| !self.report.settings.contains(&format!("{stage} {setting}")));
            if asked.is_empty() {
                return Err(refusal);
            }
            // One at a time: a message shows only the beginning of a long command.
            for setting in asked {
                let set = format!("/stage set {} {stage} {}", self.application.pipeline, quoted(&setting));
                self.command(&set).await.map_err(|refused| format!("{refused}\nafter: {refusal}"))?;
                self.report.settings.push(format!("{stage} {setting}"));
            }
        }
        Err(format!("`{line}` asks for more settings again and again"))
    }

    /// Types a command and waits for the end of its operation; the error is the refusal.
    async fn command(&mut self, line: &str) -> Result<(), String> {
        line.clone_into(&mut self.report.doing);
        let submitted = self.world.submit(self.world.ann(), line).await;
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A busy machine's bot may not say in time whether it accepted the command: Slack's next delivery tells.
        let mut reply = submitted.reply.clone();
        while reply.status != Some(200) || reply.text().is_empty() || reply.is_unconfirmed() {
            ticks.tick().await;
            reply = self.world.redeliver(&reply.trigger_id).await;
        }
        if !reply.text().starts_with('⏳') {
            return Err(format!("`{line}`: {}", reply.text()));
        }
        loop {
            ticks.tick().await;
            let Some(message) = submitted.messages().await.pop() else { continue };
            match message.state() {
                Some(State::Succeeded) => return Ok(()),
                Some(State::Failed) => return Err(message.fallback().to_owned()),
                Some(State::Stuck) => return Err(format!("stuck: {}", message.fallback())),
                Some(State::Waiting) => self.approve(&message).await?,
                Some(State::Running) | None => {}
            }
        }
    }

    /// Approves a promotion. Any other question is an end.
    async fn approve(&self, message: &Message) -> Result<(), String> {
        if !message.has_button("promotion.approve") {
            return Err(format!("it waits: {}", message.fallback()));
        }
        // The button may be gone already.
        self.world.try_click(self.world.bob(), message, "promotion.approve").await;
        Ok(())
    }

    async fn end_of_log(&self) -> Option<String> {
        let line = format!("/build log {}", self.application.pipeline);
        let log = self.world.command(self.world.ann(), &line).await.text();
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let end = lines.get(lines.len().saturating_sub(LOG_LINES)..)?;
        (!end.is_empty()).then(|| end.join("\n"))
    }
}

/// A setting whose value may have spaces.
fn quoted(setting: &str) -> String {
    match setting.split_once('=') {
        Some((key, value)) if value.contains(' ') => format!("{key}=\"{value}\""),
        _ => setting.to_owned(),
    }
}
