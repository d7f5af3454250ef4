//! Decisions by button and by command. Both send a signal to the waiting operation, bound to its id and the revision at
//! which it waits. A decision that is late, repeated, on one's own request or without the role is refused.

use crate::installation::{ASK_BUTTON, GO_BUTTON, Invocation, Reject, bad_button};
use crate::operation::{CANCEL_BUTTON, RESOLVE_BUTTON, RETRY_BUTTON, Signal, SignalKind, parse_wait};
use crate::pipeline::OLDER;
use crate::promote;
use crate::service::Service;
use crate::service::access_requests::{DECLINE_BUTTON, GRANT_BUTTON};
use crate::stage::command::LOWER_BUTTON;
use sluice_grammar::{Command, Names, StageCommand, parse_line};
use sluice_model::{Answer, OperationId, Refusal};

impl Service {
    /// Handles a click on a button.
    pub(crate) async fn click(
        &self,
        invocation: &Invocation,
        action: &str,
        value: &str,
    ) -> Result<Answer, Reject> {
        if action == OLDER {
            return self.app.older(invocation, value).await;
        }
        let kind = match action {
            ASK_BUTTON => return self.ask(invocation, value).await,
            GRANT_BUTTON => return self.answer_request(invocation, value, true).await,
            DECLINE_BUTTON => return self.answer_request(invocation, value, false).await,
            GO_BUTTON => {
                let is_meant = |command: &Command| command.accepts_drift() == Some(true);
                return self.confirmed(invocation, value, is_meant).await;
            }
            LOWER_BUTTON => {
                let is_meant = |command: &Command| {
                    matches!(command, Command::Stage(StageCommand::Set { confirm: true, .. }))
                };
                return self.confirmed(invocation, value, is_meant).await;
            }
            promote::APPROVE => SignalKind::Approve,
            promote::REJECT => SignalKind::Reject,
            CANCEL_BUTTON => SignalKind::Cancel,
            RETRY_BUTTON => SignalKind::Retry,
            RESOLVE_BUTTON => SignalKind::Resolve,
            _ => {
                return Err(Refusal::new(
                    "unknown-button",
                    "This button is no longer valid.",
                    "Use a command instead: see `/pipeline help`.",
                )
                .into());
            }
        };
        let parsed = value.split_once('|').and_then(|(id, wait)| {
            let id = OperationId::new(id).ok()?;
            (kind == SignalKind::Cancel || parse_wait(wait).is_some()).then_some((id, wait))
        });
        let Some((id, wait)) = parsed else {
            return Err(bad_button().into());
        };
        let word = Signal { kind, reason: None };
        match kind {
            SignalKind::Cancel => self.app.stop(invocation, &id, word).await,
            SignalKind::Retry | SignalKind::Resolve => self.app.get_on(invocation, &id, wait, word).await,
            _ => {
                let loaded = self.app.load(&id).await?.map(|loaded| (loaded.head, loaded.op));
                self.app.say_to(invocation, loaded, Some(wait), word).await
            }
        }
    }

    /// Runs the confirmed command, for the state that its author saw.
    async fn confirmed(
        &self,
        invocation: &Invocation,
        value: &str,
        is_meant: impl Fn(&Command) -> bool,
    ) -> Result<Answer, Reject> {
        let parsed = value.split_once('|');
        let parsed =
            parsed.and_then(|(digest, line)| Some((digest, parse_line(line, &Names::default()).ok()?)));
        match parsed.filter(|(_, command)| is_meant(command)) {
            Some((digest, command)) => self.operate(invocation, command, Some(digest)).await,
            None => Err(bad_button().into()),
        }
    }
}
