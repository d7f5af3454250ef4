//! Slots: exclusive rights to write.
//!
//! The *pipeline* slot guards `$LATEST` and the API's definition, a *stage* slot guards a stage's aliases. A
//! slot is an item that names its holder, and is held while the holder has a ticket. The transaction of the
//! journal row that takes a slot also puts the slot's item, if absent or as its last holder left it, so two
//! operations cannot both hold it. Waiting operations mark their ticket; an operation that ends wakes the
//! next one in the queue.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use sluice_model::{OperationId, StageName};

/// Resources that only one operation at a time may write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Slot {
    /// `$LATEST` of the pipeline's functions and its API's definition.
    Pipeline,
    /// The aliases and the API stage of one stage.
    Stage(StageName),
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slot::Pipeline => f.write_str("pipeline"),
            Slot::Stage(stage) => write!(f, "stage/{stage}"),
        }
    }
}

impl FromStr for Slot {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("stage/") {
            Some(stage) => {
                Ok(Slot::Stage(stage.parse().map_err(|e: sluice_model::InvalidId| e.to_string())?))
            }
            None if text == "pipeline" => Ok(Slot::Pipeline),
            None => Err(format!("`{text}` is no slot")),
        }
    }
}

impl TryFrom<String> for Slot {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> String {
        slot.to_string()
    }
}

/// A place in the queue of a pipeline. Every open operation has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its number; smaller is earlier.
    pub number: u64,
    /// The operation.
    pub operation: OperationId,
    /// Its kind, as `rollback`.
    pub kind: String,
    /// Equal for equal commands. The same command again while this is open gets a link to this operation.
    pub fingerprint: String,
    /// The slot it waits for now.
    pub queued: Option<Slot>,
    /// Whether it is stuck, or was stuck and has taken no slot since. Then it blocks no rollback.
    pub stuck: bool,
}

impl Ticket {
    /// Its position among tickets that wait for the same slot. A rollback goes to the head of the queue.
    fn rank(&self) -> (bool, u64) {
        (self.kind != crate::operation::ROLLBACK, self.number)
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

    fn ticket(number: u64, kind: &str, queued: Option<Slot>) -> Ticket {
        let id = ulid::Ulid::from_parts(number, 7).to_string();
        Ticket {
            number,
            operation: OperationId::new(id).unwrap(),
            kind: kind.into(),
            fingerprint: String::new(),
            queued,
            stuck: false,
        }
    }

    #[test]
    fn the_earlier_ticket_is_first_but_a_rollback_goes_to_the_head() {
        let prod = Slot::Stage(StageName::new("prod").unwrap());
        let tickets = vec![
            ticket(1, "promote", None),
            ticket(2, "promote", Some(prod.clone())),
            ticket(3, "rollback", Some(prod.clone())),
            ticket(4, "deploy", Some(Slot::Pipeline)),
        ];
        assert_eq!(next_in_line(&prod, &tickets).unwrap().number, 3);
        assert!(is_my_turn(&prod, &tickets[2].operation, &tickets));
        assert!(!is_my_turn(&prod, &tickets[1].operation, &tickets));
        assert!(!is_my_turn(&prod, &tickets[0].operation, &tickets), "queued rollback goes first");
        assert!(is_my_turn(&Slot::Pipeline, &tickets[0].operation, &tickets));
        assert_eq!(next_in_line(&Slot::Pipeline, &tickets).unwrap().number, 4);
    }

    #[test]
    fn a_slot_parses_from_its_printed_form() {
        for slot in [Slot::Pipeline, Slot::Stage(StageName::new("dev").unwrap())] {
            assert_eq!(slot.to_string().parse(), Ok(slot));
        }
    }
}
