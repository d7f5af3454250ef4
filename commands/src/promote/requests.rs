//! The open promotions to a stage, and the selection of one of them by a command.
//!
//! A decision concerns one release. If several promotions wait for a stage, a command without a release is ambiguous: it is
//! refused with the list.

use jiff::Timestamp;

use crate::installation::{Installation, Reject};
use crate::operation::{Head, Loaded, OperationState, PROMOTE, Status, Ticket};
use crate::promote;
use crate::records::PipelineState;
use crate::rules::span;
use sluice_model::{OperationId, PipelineName, Refusal, ReleaseNumber, StageName};

/// How many of them a refusal lists.
const LISTED: usize = 8;

/// An open promotion to a stage.
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) op: OperationState,
    pub(crate) params: promote::Params,
}

impl Request {
    /// Whether it waits for a decision.
    pub(crate) fn waits(&self) -> bool {
        !self.head.awaits.is_empty()
    }

    /// Whether it can still be cancelled.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.head.status, Status::Running | Status::Waiting)
    }

    fn release(&self) -> ReleaseNumber {
        self.params.release.number
    }

    /// `r7` by @ann, requested 5m ago.
    pub(crate) fn listed(&self, at: Timestamp) -> String {
        let spec = &self.head.spec;
        let ago = at.duration_since(spec.accepted).as_secs();
        let ago = span(u64::try_from(ago).unwrap_or_default());
        format!("`{}` by <@{}>, requested {ago} ago", self.release(), spec.actor.id)
    }
}

/// The request that a command selects.
pub(crate) struct Meant<'a> {
    pub(crate) name: &'a PipelineName,
    pub(crate) stage: &'a StageName,
    pub(crate) release: Option<ReleaseNumber>,
    /// The subcommand: `approve`.
    pub(crate) word: &'static str,
    /// The code and problem of the refusal if there is no request.
    pub(crate) none: (&'static str, String),
}

impl Installation {
    /// The open promotions to a stage that are not stuck, oldest first. Promotions whose stage changed are voided on the
    /// way. Unreadable ones are skipped, so they do not block the others.
    pub(crate) async fn requests(
        &self,
        state: &PipelineState,
        stage: &StageName,
        unreadable: &mut Option<OperationId>,
    ) -> Result<Vec<Request>, Reject> {
        let mut found = vec![];
        let void = promote::void_outdated(self.engine.world(), state, Some(stage)).await?;
        let is_open =
            |ticket: &&Ticket| ticket.kind == PROMOTE && !ticket.stuck && !void.contains(&ticket.operation);
        for ticket in state.tickets.iter().filter(is_open) {
            let loaded = self.readable(&ticket.operation, unreadable).await?;
            let Some(Loaded { head, op, .. }) = loaded else { continue };
            let Ok(params) = op.params::<promote::Params>() else {
                *unreadable = Some(ticket.operation.clone());
                continue;
            };
            if params.to == *stage {
                found.push(Request { head, op, params });
            }
        }
        Ok(found)
    }

    /// Selects the request of a command, or refuses an ambiguous command.
    pub(crate) fn meant(&self, requests: Vec<Request>, meant: &Meant<'_>) -> Result<Request, Refusal> {
        let Meant { name, stage, release, word, none: (code, problem) } = meant;
        let at = self.engine.world().clock.now();
        let list =
            requests.iter().take(LISTED).map(|request| request.listed(at)).collect::<Vec<_>>().join("; ");
        let count = requests.len();
        let all: Vec<ReleaseNumber> = requests.iter().map(Request::release).collect();
        let mut wanted: Vec<Request> = requests
            .into_iter()
            .filter(|request| release.is_none_or(|release| release == request.release()))
            .collect();
        match (wanted.pop(), wanted.is_empty(), release) {
            (Some(only), true, _) => Ok(only),
            (None, _, _) if count == 0 => {
                Err(Refusal::new(code, problem.clone(), format!("See `/pipeline status {name}`.")))
            }
            (None, ..) => Err(Refusal::new(
                code,
                format!(
                    "No promotion of `{}` to `{stage}` is open. These are open: {list}.",
                    named(*release)
                ),
                format!(
                    "Name one of these, as in `/promote {word} {name} {stage} {}`.",
                    named(all.first().copied())
                ),
            )),
            (Some(_), _, Some(release)) => Err(Refusal::new(
                "several-waiting",
                format!("Several promotions of `{release}` to `{stage}` are open: {list}."),
                "Use the buttons on the message of the one you mean.",
            )),
            (Some(_), _, None) => {
                let lines: Vec<_> = all
                    .iter()
                    .take(3)
                    .map(|release| format!("`/promote {word} {name} {stage} {release}`"))
                    .collect();
                Err(Refusal::new(
                    "several-waiting",
                    format!("{count} promotions of `{name}` to `{stage}` are open: {list}."),
                    format!("Name the release: {}.", lines.join(" or ")),
                ))
            }
        }
    }
}

fn named(release: Option<ReleaseNumber>) -> String {
    release.map_or_else(String::new, |release| release.to_string())
}

/// An operation as answers name it: the promoted release, or the command.
pub(crate) fn subject(head: &Head, op: &OperationState) -> String {
    match op.params::<promote::Params>() {
        Ok(params) if head.spec.kind == PROMOTE => {
            format!("`{}` `{}` to `{}`", params.name, params.release.number, params.to)
        }
        _ => format!("`{}`", head.spec.command),
    }
}
