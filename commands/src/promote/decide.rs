//! Decisions on a promotion, by button and by command. Both send a signal to the waiting operation, bound to its id and the
//! revision at which it waits. A decision that is late, repeated, on one's own request or without the role is refused.

use std::collections::BTreeSet;

use crate::installation::{Installation, Invocation, Reject, cannot_be_read, delivery_of, late};
use crate::operation::{
    Head, OperationState, PROMOTE, Signal, SignalKind, SignalOutcome, Status, answered, marked, send_signal,
};
use crate::promote;
use crate::promote::{Meant, Request, subject};
use crate::records::PipelineState;
use crate::rules::{Access, Subjects};
use sluice_model::{Answer, Card, Member, PipelineName, ReleaseNumber, StageName, Text, Tone};

impl Installation {
    /// A decision by command, on the waiting promotion to that stage, and of that release if several wait.
    pub(crate) async fn decide(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        (stage, release): (&StageName, Option<ReleaseNumber>),
        kind: SignalKind,
        reason: Option<String>,
    ) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        state.stage(name, stage)?;
        let mut unreadable = None;
        let mut waiting = self.requests(&state, stage, &mut unreadable).await?;
        waiting.retain(Request::waits);
        if let Some(id) = unreadable.filter(|_| waiting.is_empty()) {
            return self.or_answered(invocation, cannot_be_read(name, self.noun(PROMOTE), &id).into()).await;
        }
        let word = if kind == SignalKind::Approve { "approve" } else { "reject" };
        let nothing = format!("No promotion of `{name}` to `{stage}` is waiting for a decision.");
        let meant = Meant { name, stage, release, word, none: ("nothing-waits", nothing) };
        match self.meant(waiting, &meant) {
            Ok(Request { head, op, .. }) => {
                self.say_to(invocation, Some((head, op)), None, Signal { kind, reason }).await
            }
            Err(refusal) => self.or_answered(invocation, refusal.into()).await,
        }
    }

    /// The same for a request that only `named` may decide.
    async fn access_among(&self, head: &Head, named: &BTreeSet<Member>) -> Result<Access, Reject> {
        let subjects = Subjects::default().naming(named);
        Ok(self.engine.world().roles_about(Some(&head.spec.pipeline), subjects).await?.access())
    }

    pub(crate) async fn say_to(
        &self,
        invocation: &Invocation,
        asked: Option<(Head, OperationState)>,
        wait: Option<&str>,
        word: Signal,
    ) -> Result<Answer, Reject> {
        let Some((head, op)) = asked else { return Err(late(None).into()) };
        let late = || late(Some((&head, &op)));
        let params: promote::Params = op.params()?;
        if params.expires.is_some_and(|expires| expires <= self.engine.world().clock.now()) {
            return Err(late().into());
        }
        let access = self.access_among(&head, &params.named).await?;
        let granted = access.approve(&invocation.actor.id, &params.asked(&head.spec.actor.id));
        let granted = granted
            .map_err(|refusal| Reject::from(refusal).asking(Some(&head.spec.pipeline), &head.spec.command))?;
        let delivery = delivery_of(invocation);
        let open = head.status == Status::Waiting || head.status == Status::Running;
        if !open || head.awaits.is_empty() || wait.is_some_and(|wait| wait != head.awaits) {
            return match answered(&self.engine, delivery.key).await? {
                Some((answer, _)) => Ok(answer),
                None => Err(late().into()),
            };
        }
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, &params.name).await?;
        if let Some(refusal) = promote::outdated(&op, &params, &state) {
            promote::void_outdated(world, &state, Some(&params.to)).await?;
            return self.or_answered(invocation, refusal.into()).await;
        }
        let said = match word.kind {
            SignalKind::Approve => "Approved",
            _ => "Rejected",
        };
        let title = Text::plain(format!("{said}: ")).join(marked(&subject(&head, &op)));
        let answer = Answer::private(
            Card::new(Tone::Good, title).hint("The message in the channel shows the progress."),
        );
        match send_signal(&self.engine, &delivery, &head, &op, word, &granted, answer).await? {
            SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => Ok(answer),
            SignalOutcome::TooLate => Err(late().into()),
        }
    }

    /// `/promote cancel`: the running or waiting promotion to that stage, and of that release if there are several.
    pub(crate) async fn cancel_promotion(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        (stage, release): (&StageName, Option<ReleaseNumber>),
        reason: Option<String>,
    ) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        state.stage(name, stage)?;
        let mut unreadable = None;
        let mut open = self.requests(&state, stage, &mut unreadable).await?;
        if let Some(id) = unreadable.filter(|_| open.is_empty()) {
            return self.or_answered(invocation, cannot_be_read(name, self.noun(PROMOTE), &id).into()).await;
        }
        // A promotion that is already being cancelled matches only if there is no other.
        if open.iter().any(Request::is_open) {
            open.retain(Request::is_open);
        }
        let nothing = format!("No promotion of `{name}` to `{stage}` is running or waiting.");
        let meant = Meant { name, stage, release, word: "cancel", none: ("nothing-runs", nothing) };
        match self.meant(open, &meant) {
            Ok(request) => {
                let word = Signal { kind: SignalKind::Cancel, reason };
                self.stop(invocation, &request.head.id, word).await
            }
            Err(refusal) => self.or_answered(invocation, refusal.into()).await,
        }
    }
}
