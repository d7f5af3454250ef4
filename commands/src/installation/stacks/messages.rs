//! What people read about stacks that somebody else changed.

pub(super) use crate::installation::messages::NO_ANSWER;
use crate::operation::marked;
use crate::ports::StackClass;
use crate::resources::stack::{StackDrift, stack_broken};
use sluice_model::{PipelineName, StageName, Text};
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
    let (operation, command, shows) = match deploys {
        true => ("deploy", format!("/deploy {name}"), format!("/deploy plan {name}")),
        false => {
            let shows = format!("/promote diff {name} {stage}");
            ("promotion", format!("/promote {name} {stage}"), shows)
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
            .code(shows)
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
        StackDrift::Blocked { status, .. } if status.class() == StackClass::NeedsCleanUp => stack_of(at)
            .then(" is in ")
            .code(status.as_str())
            .then(", because its creation failed. ")
            .code(command)
            .then(" deletes it and makes a new one."),
        StackDrift::Blocked { status, reason } => {
            let refusal = stack_broken(&stack_name(name, stage), *status, reason.as_deref());
            let text = Text::default().code(stage.as_str()).then(": ").join(marked(&refusal.problem));
            text.then(" ").join(marked(&refusal.hint)).then(" The command is ").code(command).then(".")
        }
    })
}
