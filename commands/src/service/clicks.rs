//! Decisions, by button and by command. Both come to the same: a signal to the operation that waits, bound to it and
//! to the revision it waits at. Who decides late, twice, on their own request or without the role is told so, and
//! nothing changes.

use std::collections::BTreeSet;

use crate::card::{Card, Text, Tone};
use crate::domain::{Access, Concern, View};
use crate::ids::{Member, OperationId, PipelineName, StageName};
use crate::operation::{
    CANCEL_BUTTON, Delivery, Head, Loaded, RESOLVE_BUTTON, RETRY_BUTTON, Refusal, Said, Status, Verdict,
    Word, answered, load, parse_wait, say,
};
use crate::operations::promote;
use crate::service::asks::{ASK_BUTTON, DECLINE_BUTTON, GRANT_BUTTON};
use crate::service::history::OLDER;
use crate::service::{Answer, GO_BUTTON, Invocation, Service, Stop};

impl Service {
    /// A click on a button of ours.
    pub(crate) async fn click(
        &self,
        invocation: &Invocation,
        action: &str,
        value: &str,
    ) -> Result<Answer, Stop> {
        if action == OLDER {
            return self.older(invocation, value).await;
        }
        let verdict = match action {
            ASK_BUTTON => return self.ask(invocation, value).await,
            GRANT_BUTTON => return self.answer_request(invocation, value, true).await,
            DECLINE_BUTTON => return self.answer_request(invocation, value, false).await,
            GO_BUTTON => return self.go_on(invocation, value).await,
            promote::APPROVE => Verdict::Approve,
            promote::REJECT => Verdict::Reject,
            CANCEL_BUTTON => Verdict::Cancel,
            RETRY_BUTTON => Verdict::Retry,
            RESOLVE_BUTTON => Verdict::Resolve,
            _ => {
                return Err(Refusal::new(
                    "unknown-button",
                    "This button is none that this version of Sluice knows.",
                    "Use the command instead: `/pipeline help`.",
                )
                .into());
            }
        };
        let parsed = value.split_once('|').and_then(|(id, wait)| {
            let id = OperationId::new(id).ok()?;
            (verdict == Verdict::Cancel || parse_wait(wait).is_some()).then_some((id, wait))
        });
        let Some((id, wait)) = parsed else {
            return Err(bad_button().into());
        };
        let word = Word { verdict, reason: None };
        match verdict {
            Verdict::Cancel => self.stop(invocation, &id, word).await,
            Verdict::Retry | Verdict::Resolve => self.get_on(invocation, &id, wait, word).await,
            _ => {
                let loaded = self.load(&id).await?;
                self.say_to(invocation, loaded, Some(wait), word).await
            }
        }
    }

    /// A decision by command: about the promotion that waits for that stage.
    pub(crate) async fn decide(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        stage: &StageName,
        verdict: Verdict,
        reason: Option<String>,
    ) -> Result<Answer, Stop> {
        let world = self.engine.world();
        let view = View::read(&*world.store, &world.keys, name).await?;
        view.pipeline(name)?;
        view.stage(name, stage)?;
        let mut unreadable = None;
        for ticket in view.tickets.iter().filter(|ticket| ticket.kind == "promote") {
            let Some(loaded) = self.readable(&ticket.operation, &mut unreadable).await? else { continue };
            let Ok(params) = loaded.facts.params::<promote::Params>() else {
                unreadable = Some(ticket.operation.clone());
                continue;
            };
            if params.to == *stage && !loaded.head.awaits.is_empty() && !ticket.stuck {
                return self.say_to(invocation, Some(loaded), None, Word { verdict, reason }).await;
            }
        }
        if let Some((answer, _)) = answered(&self.engine, &invocation.delivery).await? {
            return Ok(answer);
        }
        if let Some(id) = unreadable {
            return Err(cannot_be_read(name, "promotion", &id).into());
        }
        Err(Refusal::new(
            "nothing-waits",
            format!("No promotion of `{name}` to `{stage}` waits for a decision."),
            format!("See `/pipeline status {name}`."),
        )
        .into())
    }

    /// An operation with what was asked: its head alone does not say.
    pub(crate) async fn load(&self, id: &OperationId) -> Result<Option<Loaded>, Stop> {
        let world = self.engine.world();
        Ok(load(&*world.store, &world.keys, id).await?)
    }

    /// The same, where others are to be looked at too: one that cannot be read is remembered and passed over.
    pub(super) async fn readable(
        &self,
        id: &OperationId,
        unreadable: &mut Option<OperationId>,
    ) -> Result<Option<Loaded>, Stop> {
        match self.load(id).await {
            Err(Stop::Trouble(error)) if error.is_corrupt() => {
                tracing::warn!(operation = %id, %error, "an operation cannot be read");
                *unreadable = Some(id.clone());
                Ok(None)
            }
            loaded => loaded,
        }
    }

    /// Who may do what with an operation's pipeline, as it stands now.
    pub(super) async fn access(&self, head: &Head) -> Result<Access, Stop> {
        Ok(self.engine.world().roles(Some(&head.charter.pipeline)).await?.access())
    }

    /// The same, for a request to which only these are to say something.
    async fn access_among(&self, head: &Head, named: &BTreeSet<Member>) -> Result<Access, Stop> {
        let concern = Concern::default().naming(named);
        Ok(self.engine.world().roles_about(Some(&head.charter.pipeline), concern).await?.access())
    }

    async fn say_to(
        &self,
        invocation: &Invocation,
        loaded: Option<Loaded>,
        wait: Option<&str>,
        word: Word,
    ) -> Result<Answer, Stop> {
        let Some(Loaded { head, facts, .. }) = loaded else { return Err(late(None).into()) };
        let params: promote::Params = facts.params()?;
        if params.expires.is_some_and(|expires| expires <= self.engine.world().clock.now()) {
            return Err(late(Some(&head)).into());
        }
        let access = self.access_among(&head, &params.named).await?;
        let granted = access.approve(&invocation.actor.id, &params.asked(&head.charter.actor.id));
        let granted = granted.map_err(|refusal| {
            Stop::from(refusal).asking(Some(&head.charter.pipeline), &head.charter.command)
        })?;
        let delivery = delivery_of(invocation);
        let open = head.status == Status::Waiting || head.status == Status::Running;
        if !open || head.awaits.is_empty() || wait.is_some_and(|wait| wait != head.awaits) {
            return match answered(&self.engine, delivery.key).await? {
                Some((answer, _)) => Ok(answer),
                None => Err(late(Some(&head)).into()),
            };
        }
        let said = match word.verdict {
            Verdict::Approve => "Approved",
            _ => "Rejected",
        };
        let title = Text::plain(format!("{said}: ")).code(head.charter.command.clone());
        let answer = Answer::private(
            Card::new(Tone::Good, title).hint("The message in the channel shows what follows."),
        );
        match say(&self.engine, &delivery, &head, &facts, word, &granted, answer).await? {
            Said::Heard(answer) | Said::Before(answer) => Ok(answer),
            Said::Late => Err(late(Some(&head)).into()),
        }
    }
}

/// What somebody is told whose button makes no sense.
pub(super) fn bad_button() -> Refusal {
    let problem = "This button does not say what it decides.";
    Refusal::new("bad-button", problem, "Use the command instead: `/pipeline help`.")
}

/// What somebody is told where the only operation that may be meant cannot be read.
pub(super) fn cannot_be_read(name: &PipelineName, what: &str, id: &OperationId) -> Refusal {
    Refusal::new(
        "unreadable-operation",
        format!(
            "A {what} of `{name}` cannot be read by this version of Sluice, so nothing was changed (operation `{id}`)."
        ),
        "Its message in the channel says that it is stuck: an admin can click *Retry* or *Mark resolved* there. Rollbacks go ahead.",
    )
}

/// Who said it, where, and by which delivery.
pub(super) fn delivery_of(invocation: &Invocation) -> Delivery<'_> {
    Delivery { key: &invocation.delivery, actor: &invocation.actor, channel: invocation.channel.as_ref() }
}

/// What somebody is told who decides what is decided.
pub(super) fn late(head: Option<&Head>) -> Refusal {
    let problem = match head {
        None => "This promotion is not known any more; nothing changed.".to_owned(),
        Some(head) => match head.status {
            Status::Succeeded => {
                format!("`{}` was decided and succeeded already; nothing changed.", head.charter.command)
            }
            Status::Failed => {
                format!("`{}` was decided or ended already; nothing changed.", head.charter.command)
            }
            _ => format!(
                "`{}` has your decision already, or waits for another one; nothing changed.",
                head.charter.command
            ),
        },
    };
    let hint = match head {
        Some(head) => format!("See `/pipeline status {}`.", head.charter.pipeline),
        None => "See `/pipeline status`.".to_owned(),
    };
    Refusal::new("late", problem, hint)
}
