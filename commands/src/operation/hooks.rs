//! What the engine asks of Sluice.

use std::collections::BTreeMap;

use crate::application::{Sluice, World};
use crate::operation::update;
use crate::ports::{Guard, Precondition, StoreError, Update, Write, guards};
use crate::records::{AuditSubject, PipelineState, REVISION, Stage, stage_of, to_item};
use crate::rules::{DEACTIVATED, GROUP_UNKNOWN, Snapshot};
use sluice_engine::{EngineError, ForcedEnd, Head, Hooks, RecordedSignal, Report, TicketQueue, reading};
use sluice_model::{Permission, PipelineName, Refusal, StageName, Subjects, Text, UserId};

impl Hooks for Sluice {
    async fn read(
        world: &World,
        pipeline: &PipelineName,
        subjects: Subjects,
    ) -> Result<Snapshot, StoreError> {
        Snapshot::read_about(world, pipeline, subjects).await
    }

    fn queue(snapshot: &Snapshot) -> &TicketQueue {
        &snapshot.state.queue
    }

    fn permit(snapshot: &Snapshot, permission: Permission, person: &UserId) -> Result<(), Refusal> {
        snapshot.access.permit(permission, person).map(drop).map_err(|refusal| {
            let says_why = [DEACTIVATED, GROUP_UNKNOWN].contains(&refusal.code.as_str());
            let lost = || format!("<@{person}> lost the role that allowed it before anything moved here.");
            let problem = if says_why { refusal.problem.clone() } else { lost() };
            Refusal { problem, ..refusal }
        })
    }

    fn with_reason(subject: AuditSubject, reason: Option<String>) -> AuditSubject {
        AuditSubject { reason, ..subject }
    }

    /// Marks the stages whose slots it holds as mixed: it may have changed them.
    async fn forced_end(world: &World, head: &Head) -> Result<ForcedEnd, EngineError> {
        let pipeline = &head.spec.pipeline;
        let state = reading(|| PipelineState::read(&*world.store, &world.keys, pipeline)).await?;
        let held = state.queue.slots.iter().filter(|(_, holder)| **holder == head.id);
        let stages: Vec<&Stage> = held.filter_map(|(slot, _)| state.stages.get(&stage_of(slot)?)).collect();
        let writes =
            stages.iter().map(|stage| mixed(world, head, &state, stage)).collect::<Result<_, _>>()?;
        let names: Vec<&StageName> = stages.iter().map(|stage| &stage.name).collect();
        Ok(ForcedEnd { writes, left: update::mixed_stages(&names) })
    }

    fn update(report: &Report<'_, Self>) -> Update {
        update::of(report)
    }

    fn update_of_parked(head: &Head, is_urgent: bool, why: &Refusal) -> Update {
        update::of_parked(head, is_urgent, why)
    }

    fn update_of_forced(head: &Head, by: Option<&RecordedSignal>, left: Option<Text>) -> Update {
        update::of_forced(head, by, left)
    }
}

/// Marks a stage as mixed: it is unknown what it serves.
fn mixed(world: &World, head: &Head, state: &PipelineState, stage: &Stage) -> Result<Write, EngineError> {
    let key = world.keys.stage(&head.spec.pipeline, &stage.name);
    let revision = state.stage_revisions.get(&stage.name).copied().unwrap_or(0);
    let stage = Stage { mixed: Some(BTreeMap::new()), ..stage.clone() };
    let revised = |revision| guards([(REVISION, Guard::Number(revision))]);
    Ok(Write::Put {
        item: to_item(key, revised(revision + 1), &stage)?,
        when: if revision == 0 { Precondition::Present } else { Precondition::Equals(revised(revision)) },
    })
}
