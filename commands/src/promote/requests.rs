//! The open promotions to a stage, and the selection of one of them by a command.
//!
//! A decision concerns one release. If several promotions wait for a stage, a command without a release is ambiguous: it is
//! refused with the list.

use jiff::Timestamp;

use crate::installation::{Installation, Reject};
use crate::operation::{Head, Loaded, OperationState, PROMOTE, Status, Ticket};
use crate::promote::outdated::void_outdated;
use crate::promote::{Params, refusals};
use crate::records::PipelineState;
use crate::rules::span;
use sluice_model::{OperationId, PipelineName, Refusal, ReleaseNumber, StageName};

/// How many of them a refusal lists.
const LISTED: usize = 8;

/// An open promotion to a stage.
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) op: OperationState,
    pub(crate) params: Params,
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

    /// For the list in a refusal.
    pub(crate) fn listed(&self, at: Timestamp) -> String {
        let spec = &self.head.spec;
        let ago = u64::try_from(at.duration_since(spec.accepted).as_secs()).unwrap_or_default();
        refusals::listed(self.release(), &spec.actor.id, &span(ago))
    }
}

/// The request that a command selects.
pub(super) struct Selection<'a> {
    pub(super) name: &'a PipelineName,
    pub(super) stage: &'a StageName,
    pub(super) release: Option<ReleaseNumber>,
    /// The subcommand: `approve`.
    pub(super) verb: &'static str,
    /// The refusal if there is no request.
    pub(super) none: Refusal,
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
        let void = void_outdated(self.engine.world(), state, Some(stage)).await?;
        let is_open =
            |ticket: &&Ticket| ticket.kind == PROMOTE && !ticket.stuck && !void.contains(&ticket.operation);
        for ticket in state.queue.tickets.iter().filter(is_open) {
            let loaded = self.readable(&ticket.operation, unreadable).await?;
            let Some(Loaded { head, op, .. }) = loaded else { continue };
            let Ok(params) = op.params::<Params>() else {
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
    pub(super) fn select(
        &self,
        requests: Vec<Request>,
        selection: Selection<'_>,
    ) -> Result<Request, Refusal> {
        let Selection { name, stage, release, verb, none } = selection;
        let at = self.engine.world().clock.now();
        let list: Vec<_> = requests.iter().take(LISTED).map(|request| request.listed(at)).collect();
        let list = list.join("; ");
        let open: Vec<ReleaseNumber> = requests.iter().map(Request::release).collect();
        let is_meant = |request: &Request| release.is_none_or(|release| release == request.release());
        let mut meant: Vec<Request> = requests.into_iter().filter(is_meant).collect();
        let line = format!("/promote {verb} {name} {stage}");
        match (meant.pop(), meant.is_empty(), release) {
            (Some(only), true, _) => Ok(only),
            (None, _, Some(release)) if !open.is_empty() => {
                Err(refusals::not_open(&none.code, (&line, stage), release, (&open, &list)))
            }
            (None, ..) => Err(none),
            (Some(_), _, Some(release)) => Err(refusals::several_of(release, stage, &list)),
            (Some(_), _, None) => Err(refusals::several((name, stage), &line, (&open, &list))),
        }
    }
}
