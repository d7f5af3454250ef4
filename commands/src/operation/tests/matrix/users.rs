//! People: they type and click through the service, as Slack would deliver it, until they get an answer.

use std::time::Duration;

use super::super::harness::{Process, Shared, person};
use crate::installation::{Input, Invocation};
use crate::operation::tests::harness::is_holding;
use crate::operation::{Head, Status};
use sluice_model::{Button, Card, Click, Wait};

const APPROVE: fn(Wait) -> Click = Click::Approve;
const REJECT: fn(Wait) -> Click = Click::Reject;

/// How decisions are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum People {
    /// One person approves as soon as there is a request.
    #[default]
    Prompt,
    /// The click arrives twice, and a second person approves as well.
    Doubled,
    /// One approves and one rejects at the same moment.
    Contrary,
    /// The approval arrives by command, a minute late, after one by a person who may not decide.
    TooLate,
    /// One rejects.
    Rejecting,
    /// The requester cancels it, so many milliseconds after it was accepted.
    Cancelling(u64),
    /// One person approves, and an admin marks stuck operations as resolved.
    Resolving,
}

impl Process {
    async fn deliver(&self, delivery: &str, who: &str, input: Input) -> Card {
        loop {
            let invocation = Invocation {
                delivery: delivery.to_owned(),
                actor: person(who),
                channel: Some("C0GENERAL1".parse().unwrap()),
                input: input.clone(),
            };
            match self.service.handle(invocation).await {
                Ok(answer) => return answer.card,
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// A person types a line, again under the same delivery until there is an answer.
    pub(super) async fn types(&self, delivery: &str, who: &str, line: &str) -> Card {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        self.deliver(delivery, who, Input::Slash { command: command.into(), text: text.into() }).await
    }

    async fn clicks(&self, who: &str, decision: fn(Wait) -> Click, head: &Head, nth: u32) -> Card {
        let wait = Wait { operation: head.id.clone(), wait: head.awaits.clone() };
        let (action_id, value) = decision(wait).encode();
        let delivery = format!("{action_id}-{}-{}-{who}-{nth}", head.id, head.awaits);
        self.deliver(&delivery, who, Input::Click { action_id, value }).await
    }

    /// A person clicks *Cancel* of the newest operation that has not ended; gives whether there is one.
    pub(super) async fn cancels(&self, shared: &Shared, who: &str, nth: usize) -> bool {
        let open = shared.heads().into_iter().filter(|head| !head.status.is_final());
        let Some(head) = open.max_by_key(|head| head.spec.ticket) else { return false };
        let delivery = format!("cancel-{nth}-{}", head.id);
        let (action_id, value) = Click::Cancel(head.id).encode();
        self.deliver(&delivery, who, Input::Click { action_id, value }).await;
        true
    }

    /// A person clicks a button.
    pub(super) async fn clicks_on(&self, delivery: &str, who: &str, button: &Button) -> Card {
        let (action_id, value) = (button.action_id.clone(), button.value.clone());
        self.deliver(delivery, who, Input::Click { action_id, value }).await
    }

    /// An admin clicks that button in the last message of each stuck operation.
    pub(super) async fn presses(&self, shared: &Shared, action: &str) {
        for head in shared.heads().into_iter().filter(|head| head.status == Status::Stuck) {
            let buttons = shared.last_update(&head.id).map(|update| update.card.buttons).unwrap_or_default();
            for button in buttons.into_iter().filter(|button| button.action_id == action) {
                let input = Input::Click { action_id: button.action_id, value: button.value.clone() };
                self.deliver(&format!("{action}-{}", button.value), "ada", input).await;
            }
        }
    }

    /// People decide every waiting operation; never returns.
    pub(super) async fn decide(&self, shared: &Shared, people: People) {
        if let People::Cancelling(after) = people {
            tokio::time::sleep(Duration::from_millis(after)).await;
            self.cancels(shared, "ann", 0).await;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if shared.store.any(|item| has_status(item, "stuck")) {
                let button =
                    if people == People::Resolving { "operation.resolve" } else { "operation.retry" };
                self.presses(shared, button).await;
            }
            if !shared.store.any(|item| has_status(item, "waiting")) {
                continue;
            }
            for head in
                shared.heads().into_iter().filter(|head| head.status == Status::Waiting && !is_holding(head))
            {
                match people {
                    People::Prompt | People::Cancelling(_) | People::Resolving => {
                        drop(self.clicks("ben", APPROVE, &head, 1).await)
                    }
                    People::Doubled => {
                        let twice = futures::future::join(
                            self.clicks("ben", APPROVE, &head, 1),
                            self.clicks("ben", APPROVE, &head, 1),
                        );
                        futures::future::join(twice, self.clicks("cat", APPROVE, &head, 1)).await;
                        self.clicks("ben", APPROVE, &head, 2).await;
                    }
                    People::Contrary => {
                        let (yes, no) =
                            (self.clicks("ben", APPROVE, &head, 1), self.clicks("cat", REJECT, &head, 1));
                        futures::future::join(yes, no).await;
                    }
                    People::TooLate => {
                        assert_eq!(
                            self.clicks("ann", APPROVE, &head, 1).await.code.as_deref(),
                            Some("own-request")
                        );
                        tokio::time::sleep(Duration::from_secs(60)).await;
                        let delivery = format!("late-{}", head.id);
                        self.types(&delivery, "ben", "/promote approve orders prod").await;
                    }
                    People::Rejecting => drop(self.clicks("ben", REJECT, &head, 1).await),
                }
            }
        }
    }
}

impl Shared {
    /// The requester of the newest operation that has not ended.
    pub(super) fn newest_asker(&self) -> Option<String> {
        let open = self.heads().into_iter().filter(|head| !head.status.is_final());
        open.max_by_key(|head| head.spec.ticket).map(|head| head.spec.actor.name)
    }
}

/// Whether the item is a head of that status.
fn has_status(item: &crate::ports::Item, status: &str) -> bool {
    let is = |guard: &crate::ports::Guard| matches!(guard, crate::ports::Guard::Text(text) if text == status);
    item.key.sort == "head" && item.guards.get("status").is_some_and(is)
}
