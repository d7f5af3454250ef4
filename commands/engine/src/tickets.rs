//! Tickets: the queue for the slots of a pipeline.
//!
//! A slot is an item that
//! names its holder, and is held while the holder has a ticket. The transaction of the journal row that takes
//! a slot also puts the slot's item, if absent or as its last holder left it, so two operations cannot both
//! hold it. Waiting operations mark their ticket; an operation that ends wakes the next one in the queue.

use std::collections::BTreeMap;

use crate::codec::to_item;
use crate::keys::{Keys, PIPELINE, SLOT, TICKET, TICKETS};
use crate::ports::{Guard, Item, Order, Query, Store, StoreError, guards, number_guard, text_guard};
use crate::slot::Slot;
use sluice_model::{OperationId, PipelineName};

/// Which operation goes before which in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// It goes to the head of every queue, and passes a holder that is stuck or yields.
    First,
    /// In the order of acceptance.
    #[default]
    Normal,
    /// In the order of acceptance; one that goes first passes it while it holds a slot.
    Yields,
}

impl Precedence {
    fn as_str(self) -> &'static str {
        match self {
            Precedence::First => "first",
            Precedence::Normal => "",
            Precedence::Yields => "yields",
        }
    }
    /// An unknown precedence is that of a newer version of Sluice and counts as normal.
    fn parse(text: &str) -> Self {
        let known = [Precedence::First, Precedence::Yields].into_iter();
        known.into_iter().find(|known| known.as_str() == text).unwrap_or_default()
    }
}

// The names of guards.
const KIND: &str = "kind";
const FINGERPRINT: &str = "print";
const PRECEDENCE: &str = "precedence";
pub(crate) const OPERATION: &str = "op";
pub(crate) const QUEUED: &str = "queued";
pub(crate) const STUCK: &str = "stuck";

/// A place in the queue of a pipeline. Every open operation has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its number; smaller is earlier.
    pub number: u64,
    /// The operation.
    pub operation: OperationId,
    /// Its kind: `deploy`.
    pub kind: String,
    /// Its precedence.
    pub precedence: Precedence,
    /// Equal for equal commands. The same command again while this is open gets a link to this operation.
    pub fingerprint: String,
    /// The slot it waits for now.
    pub queued: Option<Slot>,
    /// Whether it is stuck, or was stuck and has taken no slot since. Then an operation that goes first passes it.
    pub stuck: bool,
}

impl Ticket {
    /// Its position among tickets that wait for the same slot.
    fn rank(&self) -> (bool, u64) {
        (self.precedence != Precedence::First, self.number)
    }

    /// The item of a new ticket.
    pub fn to_item(&self, keys: &Keys, pipeline: &PipelineName) -> Result<Item, StoreError> {
        let marks = guards([
            (OPERATION, Guard::Text(self.operation.to_string())),
            (KIND, Guard::Text(self.kind.clone())),
            (PRECEDENCE, Guard::Text(self.precedence.as_str().to_owned())),
            (FINGERPRINT, Guard::Text(self.fingerprint.clone())),
            (QUEUED, Guard::Text(String::new())),
        ]);
        to_item(keys.ticket(pipeline, self.number), marks, &serde_json::json!({}))
    }

    /// Reads a ticket back. `number`: the last part of its key.
    fn of(item: &Item, number: &str) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt(format!("{}/{}", item.key.partition, item.key.sort));
        let queued = text_guard(&item.guards, QUEUED);
        Ok(Self {
            number: number.parse().map_err(|_| corrupt())?,
            operation: text_guard(&item.guards, OPERATION).parse().map_err(|_| corrupt())?,
            kind: text_guard(&item.guards, KIND),
            precedence: Precedence::parse(&text_guard(&item.guards, PRECEDENCE)),
            fingerprint: text_guard(&item.guards, FINGERPRINT),
            queued: (!queued.is_empty()).then(|| Slot::new(queued)),
            stuck: !text_guard(&item.guards, STUCK).is_empty(),
        })
    }

    /// The tickets of a pipeline, oldest first: one request.
    pub(crate) async fn read_all(
        store: &dyn Store,
        keys: &Keys,
        pipeline: &PipelineName,
    ) -> Result<Vec<Self>, StoreError> {
        let page = store
            .query(Query {
                partition: keys.pipeline_partition(pipeline),
                prefix: TICKET.to_owned(),
                order: Order::Ascending,
                limit: None,
                after: None,
            })
            .await?;
        let mut queue = TicketQueue::default();
        for item in &page.items {
            queue.add(item)?;
        }
        Ok(queue.tickets)
    }
}

/// The queue of a pipeline: the open operations and the holders of its slots.
#[derive(Debug, Clone, Default)]
pub struct TicketQueue {
    /// How many tickets were issued; `None` before the pipeline has a record.
    pub issued: Option<u64>,
    /// The open operations, oldest first.
    pub tickets: Vec<Ticket>,
    /// The operation that holds each slot.
    pub slots: BTreeMap<Slot, OperationId>,
    /// Free slots whose item still names an operation. It has ended: its ticket is gone.
    pub left_behind: BTreeMap<Slot, OperationId>,
}

impl TicketQueue {
    /// Adds an item of a pipeline's partition, if it belongs to the queue. Call [`TicketQueue::settle`] after
    /// the last one.
    pub fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        let sort = item.key.sort.as_str();
        if sort == PIPELINE {
            self.issued = Some(number_guard(&item.guards, TICKETS));
        } else if let Some(slot) = sort.strip_prefix(SLOT) {
            let corrupt = |_| StoreError::Corrupt(format!("{}/{sort}", item.key.partition));
            let holder = text_guard(&item.guards, OPERATION).parse().map_err(corrupt)?;
            self.slots.insert(Slot::new(slot), holder);
        } else if let Some(number) = sort.strip_prefix(TICKET) {
            self.tickets.push(Ticket::of(item, number)?);
        }
        Ok(())
    }

    /// Frees the slots of operations that ended. The end of an operation deletes its ticket, which frees its
    /// slots without a write for each.
    pub fn settle(&mut self) {
        let open = |holder: &OperationId| self.tickets.iter().any(|ticket| &ticket.operation == holder);
        (self.slots, self.left_behind) =
            std::mem::take(&mut self.slots).into_iter().partition(|(_, holder)| open(holder));
    }
}

/// Whether no ticket before `mine` waits for the same slot. Then it may take the slot if it is free.
pub(crate) fn is_my_turn(slot: &Slot, mine: &OperationId, tickets: &[Ticket]) -> bool {
    let Some(me) = tickets.iter().find(|ticket| &ticket.operation == mine) else { return true };
    !tickets.iter().any(|other| {
        &other.operation != mine && other.queued.as_ref() == Some(slot) && other.rank() < me.rank()
    })
}

/// The next ticket in the queue of a slot.
pub(crate) fn next_in_line<'a>(slot: &Slot, tickets: &'a [Ticket]) -> Option<&'a Ticket> {
    tickets.iter().filter(|ticket| ticket.queued.as_ref() == Some(slot)).min_by_key(|ticket| ticket.rank())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_model::Target;

    fn ticket(number: u64, precedence: Precedence, queued: Option<&Slot>) -> Ticket {
        let id = ulid::Ulid::from_parts(number, 7).to_string();
        Ticket {
            number,
            operation: OperationId::new(id).unwrap(),
            kind: "deploy".into(),
            precedence,
            fingerprint: String::new(),
            queued: queued.cloned(),
            stuck: false,
        }
    }

    #[test]
    fn the_earlier_ticket_is_first_but_precedence_goes_to_the_head() {
        let (prod, pipeline) = (Slot::new("stage/prod"), Slot::new("pipeline"));
        let tickets = vec![
            ticket(1, Precedence::Normal, None),
            ticket(2, Precedence::Normal, Some(&prod)),
            ticket(3, Precedence::First, Some(&prod)),
            ticket(4, Precedence::Yields, Some(&pipeline)),
        ];
        assert_eq!(next_in_line(&prod, &tickets).unwrap().number, 3);
        assert!(is_my_turn(&prod, &tickets[2].operation, &tickets));
        assert!(!is_my_turn(&prod, &tickets[1].operation, &tickets));
        assert!(!is_my_turn(&prod, &tickets[0].operation, &tickets), "the queued one goes first");
        assert!(is_my_turn(&pipeline, &tickets[0].operation, &tickets));
        assert_eq!(next_in_line(&pipeline, &tickets).unwrap().number, 4);
    }

    #[test]
    fn a_ticket_is_read_as_it_was_written() {
        let keys = Keys::new(&Target { account: "123456789012".into(), region: "eu-central-1".into() });
        let orders = PipelineName::new("orders").unwrap();
        for precedence in [Precedence::First, Precedence::Normal, Precedence::Yields] {
            let written = ticket(7, precedence, None);
            let mut queue = TicketQueue::default();
            queue.add(&written.to_item(&keys, &orders).unwrap()).unwrap();
            assert_eq!(queue.tickets, [written]);
        }
    }
}
