//! The draft of a build: its number is taken and its record begins in the transaction that accepts it, so that it can be
//! seen and cancelled by number at once.

use crate::card::Text;
use crate::domain::{BUILDS, View, to_item};
use crate::grammar::Command;
use crate::ids::{BuildNumber, OperationId, PipelineName};
use crate::operation::Refusal;
use crate::operations::build;
use crate::ports::{Guards, Precondition, Write};
use crate::service::drafts::Resolved;
use crate::service::{Invocation, Service, Stop};

/// So many builds of one pipeline are under way at a time: CodeBuild's limit is one for the whole account.
const OPEN: usize = 8;

impl Service {
    /// Of the default branch, unless a reference is named.
    pub(super) fn build(
        &self,
        invocation: &Invocation,
        view: &View,
        name: &PipelineName,
        reference: Option<&str>,
        id: &OperationId,
    ) -> Result<Resolved, Stop> {
        let pipeline = view.pipeline(name)?;
        let open = view.tickets.iter().filter(|ticket| ticket.kind == "build" && !ticket.stuck).count();
        if open >= OPEN {
            return Err(Refusal::new(
                "too-many-builds",
                format!("`{name}` has {open} builds under way, which is as many as it may have at a time."),
                format!("Wait until one ends, or stop one: `/build cancel {name} #N`. See them with `/build list {name}`."),
            )
            .into());
        }
        let number = BuildNumber(u32::try_from(view.counters.builds + 1).unwrap_or(u32::MAX));
        let params = build::Params {
            name: name.clone(),
            number,
            reference: reference.unwrap_or(&pipeline.branch).to_owned(),
            repository: pipeline.repository.clone(),
            project: pipeline.project.clone(),
            bucket: pipeline.bucket.clone(),
        };
        let world = self.engine.world();
        let begun = build::begun(&params, id, &invocation.actor, world.clock.now());
        let item = to_item(world.keys.build(name, number), Guards::new(), &begun)?;
        let answer = Text::plain("Building ")
            .code(name.as_str())
            .then(" from ")
            .code(params.reference.clone())
            .then(" as ")
            .code(number.to_string())
            .then(".");
        let command = Command::Build { name: name.clone(), reference: Some(params.reference.clone()) };
        let resolved = Resolved::new("build", params, command, answer)?;
        Ok(resolved.counting(BUILDS, number.0).writing(Write::Put { item, when: Precondition::Absent }))
    }
}
