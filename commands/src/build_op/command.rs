//! Plans a build. The transaction that accepts it also takes its number and creates its record, so the build is listed and
//! can be cancelled immediately.

use std::time::Duration;

use crate::build_op::messages;
use crate::build_op::params::{Params, initial_record};
use crate::installation::{Installation, Invocation, Plan, Planning, Reject, misdirected};
use crate::operation::OperationState;
use crate::ports::{Guards, Precondition, Write};
use crate::records::{BUILDS, BuildState, Pipeline, to_item};
use sluice_grammar::{BuildCommand, Command};
use sluice_model::{Answer, BuildNumber, CommitId, PortError};

/// The most builds of one pipeline at a time. CodeBuild's own limit is for the whole account.
const OPEN: usize = 8;
/// How long a build waits for the check that its branch or commit exists.
const PATIENCE: Duration = Duration::from_millis(700);

impl Installation {
    /// Builds the default branch, unless the command names a branch or commit.
    async fn build(
        &self,
        Planning { invocation, name, snapshot, id, .. }: Planning<'_>,
        reference: Option<&str>,
    ) -> Result<Plan, Reject> {
        let state = &snapshot.state;
        let (pipeline, world) = (state.pipeline(name)?, self.engine.world());
        let open =
            state.queue.tickets.iter().filter(|ticket| ticket.kind == "build" && !ticket.stuck).count();
        if open >= OPEN {
            return Err(messages::too_many_builds(name, open).into());
        }
        if let Some(reference) = reference
            && self.is_unknown(pipeline, reference).await
        {
            return Err(messages::unknown_reference(pipeline, reference).into());
        }
        let number = BuildNumber(u32::try_from(state.counters.builds + 1).unwrap_or(u32::MAX));
        let params = Params {
            name: name.clone(),
            number,
            reference: reference.unwrap_or(&pipeline.branch).to_owned(),
            repository: pipeline.repository.clone(),
            project: pipeline.project.clone(),
            bucket: pipeline.bucket.clone(),
            nonce: (world.settings.unguessable)(),
        };
        let record = initial_record(&params, id, &invocation.actor, world.clock.now());
        let item = to_item(world.keys.build(name, number), Guards::new(), &record)?;
        let command = Command::Build(BuildCommand::Build {
            name: name.clone(),
            reference: Some(params.reference.clone()),
        });
        let answer = messages::building(&params);
        let plan = Plan::new(params, command, answer)?;
        Ok(plan.counting(BUILDS, number.0).writing(Write::Put { item, when: Precondition::Absent }))
    }

    /// Builds the commit of an earlier build again.
    async fn retry(&self, planning: Planning<'_>, build: Option<BuildNumber>) -> Result<Plan, Reject> {
        let earlier = self.build_or_newest(&planning.snapshot.state, planning.name, build).await?;
        if earlier.state == BuildState::Running {
            return Err(messages::still_running(planning.name, earlier.number).into());
        }
        // A build that failed before its commit was found resolves the reference again.
        let reference = earlier.commit.map_or(earlier.reference, |commit| commit.id.to_string());
        self.build(planning, Some(&reference)).await
    }

    /// Whether CodeCommit reports in time that neither a branch nor a commit has that name. The build itself checks again.
    async fn is_unknown(&self, pipeline: &Pipeline, reference: &str) -> bool {
        let world = self.engine.world();
        let (target, repository) = (&world.target, &pipeline.repository);
        let known = async {
            if world.ports.repositories.branch(target, repository, reference).await?.is_some() {
                return Ok::<_, PortError>(true);
            }
            match CommitId::new(reference) {
                Ok(id) => Ok(world.ports.repositories.commit(target, repository, &id).await?.is_some()),
                Err(_) => Ok(false),
            }
        };
        matches!(tokio::time::timeout(PATIENCE, known).await, Ok(Ok(false)))
    }

    /// `/build cancel`: the build with that number, or the newest running one.
    pub(crate) async fn signal_build(
        &self,
        invocation: &Invocation,
        command: BuildCommand,
    ) -> Result<Answer, Reject> {
        let BuildCommand::Cancel { name, build: number } = command else {
            return Err(misdirected(Command::Build(command)));
        };
        let is_selected = |op: &OperationState| {
            let params: Params = op.params()?;
            Ok(number.is_none_or(|number| number == params.number))
        };
        let nothing = messages::not_running(&name, number);
        self.cancel(invocation, &name, "build", is_selected, nothing).await
    }
}

impl Installation {
    /// Answers a `/build` command that changes nothing.
    pub(crate) async fn read_build(
        &self,
        invocation: &Invocation,
        command: BuildCommand,
    ) -> Result<Answer, Reject> {
        match command {
            BuildCommand::List { name } => self.list_builds(&name).await,
            BuildCommand::Log { name, build } => self.build_log(invocation, &name, build).await,
            _ => Err(misdirected("/build")),
        }
    }

    /// Plans a `/build` command.
    pub(crate) async fn plan_build(
        &self,
        planning: Planning<'_>,
        command: &BuildCommand,
    ) -> Result<Plan, Reject> {
        match command {
            BuildCommand::Build { reference, .. } => self.build(planning, reference.as_deref()).await,
            BuildCommand::Retry { build, .. } => self.retry(planning, *build).await,
            _ => Err(misdirected(planning.command)),
        }
    }
}
