//! What people read about stacks that somebody else changed.

pub(super) use crate::installation::messages::NO_ANSWER;
use crate::ports::{StackClass, StackStatus};
use crate::resources::stack::StackDrift;
use sluice_model::{PipelineName, StageName, Text, shown};
use sluice_template::plain::stack_name;

/// `The stack … of prod`.
fn stack_of((name, stage): (&PipelineName, &StageName)) -> Text {
    Text::plain("The stack ").code(stack_name(name, stage)).then(" of ").code(stage.as_str())
}

/// What is known about the stack of a stage, and what to do. `deploys`: whether the stage accepts deploys.
pub(crate) fn stack_changed(
    at: (&PipelineName, &StageName),
    found: &Result<Option<StackDrift>, String>,
    deploys: bool,
) -> Option<Text> {
    let (name, stage) = at;
    let (operation, command, preview) = match deploys {
        true => ("deploy", format!("/deploy {name}"), format!("/deploy plan {name}")),
        false => {
            let preview = format!("/promote diff {name} {stage}");
            ("promotion", format!("/promote {name} {stage}"), preview)
        }
    };
    let drift = match found {
        Ok(None) => return None,
        Ok(Some(drift)) => drift,
        Err(why) => return Some(stack_of(at).then(format!(" was not compared: {why}."))),
    };
    Some(match drift {
        StackDrift::Changed { status, at: when } => stack_of(at)
            .then(" was changed outside Sluice ")
            .time(*when)
            .then(" (")
            .code(status)
            .then("). Its events in the CloudFormation console show what changed. ")
            .code(preview)
            .then(format!(" shows what the next {operation} would change.")),
        StackDrift::Changing { status, since } => stack_of(at)
            .then(" is being changed outside Sluice: ")
            .code(status.as_str())
            .then(" since ")
            .time(*since)
            .then(format!(". A {operation} waits until the change ends.")),
        StackDrift::Gone => stack_of(at)
            .then(" was deleted outside Sluice. What holds data stays in the account, unless somebody changed its deletion policy. ")
            .code(command)
            .then(" makes a new stack with empty resources."),
        StackDrift::Blocked { status, reason } => {
            let text = stack_of(at).then(" is in ").code(status.as_str());
            if status.class() == StackClass::NeedsCleanUp {
                let text = text.then(", because its creation did not complete. ").code(command);
                return Some(text.then(" deletes it and makes a new one."));
            }
            let why = reason.as_deref().map(|reason| format!(": {}", shown(reason).trim_end_matches('.')));
            let text = text.then(" and accepts no change").then(why.unwrap_or_default()).then(". ");
            match status {
                StackStatus::UpdateRollbackFailed => text
                    .then("Fix the cause that its events name, then run ")
                    .code(command)
                    .then(", which continues the rollback first."),
                _ => text
                    .then("An admin has to repair it in the CloudFormation console: its events name the cause."),
            }
        }
    })
}
