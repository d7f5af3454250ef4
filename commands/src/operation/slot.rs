//! Slots: who may write what only one operation at a time may write.
//!
//! The *pipeline* slot guards `$LATEST` and the API's definition, a *stage* slot guards a stage's aliases. A slot is an
//! item that names its holder, and is held while that has a ticket. It is put in the same transaction as the journal row
//! that takes it, if absent or as its last holder left it, so that two operations cannot both believe that they hold it.
//! Those that wait mark their ticket; who ends wakes the head of the line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use sluice_model::{OperationId, StageName};

/// What only one operation at a time may write.
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

/// A place in the line of a pipeline: every open operation has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its number; smaller is earlier.
    pub number: u64,
    /// The operation.
    pub operation: OperationId,
    /// Its kind, as `rollback`.
    pub kind: String,
    /// What makes two commands equal: the same again while this is open gets a link to this one.
    pub fingerprint: String,
    /// The slot it waits for now.
    pub queued: Option<Slot>,
    /// Whether it is, or was, stuck: then it holds back no rollback.
    pub stuck: bool,
}

impl Ticket {
    /// Where it stands among those that wait for the same slot: a rollback goes to the head of the line.
    fn rank(&self) -> (bool, u64) {
        (self.kind != crate::operation::ROLLBACK, self.number)
    }
}

/// Whether an operation may take a free slot now, or somebody before it waits for the same one.
pub(crate) fn is_my_turn(slot: &Slot, mine: &OperationId, tickets: &[Ticket]) -> bool {
    let Some(me) = tickets.iter().find(|ticket| &ticket.operation == mine) else { return true };
    !tickets.iter().any(|other| {
        &other.operation != mine && other.queued.as_ref() == Some(slot) && other.rank() < me.rank()
    })
}

/// Who is next for a slot that was freed.
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
    fn the_earlier_waits_first_but_a_rollback_goes_to_the_head() {
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
    fn a_slot_reads_as_it_prints() {
        for slot in [Slot::Pipeline, Slot::Stage(StageName::new("dev").unwrap())] {
            assert_eq!(slot.to_string().parse(), Ok(slot));
        }
    }
}
