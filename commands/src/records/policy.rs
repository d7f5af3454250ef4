//! What a stage requires of people who want to change it.
//!
//! Every stage has a policy. By default, the first stage is open and every later one needs one approval by somebody else
//! (DESIGN 11).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::records::{Freeze, Smoke, Window};
use sluice_model::Member;

/// Which releases may be promoted to a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// From any earlier stage on which it ran.
    #[default]
    Any,
    /// Only the release that the previous stage runs now.
    Strict,
}

/// The policy of a stage. Times are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many different people must approve a promotion.
    pub approvals: u32,
    /// The people and groups who may approve. If empty, the approvers of the installation.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approvers: BTreeSet<Member>,
    /// Whether the requester's own approval counts.
    pub self_approval: bool,
    /// How long a request waits for its approvals; 0 without end. It becomes void anyway as soon as the stage moves.
    pub expires: u64,
    /// Which releases may be promoted to the stage.
    pub order: Order,
    /// How long a release must have run on the previous stage, where it must still run.
    pub soak: u64,
    /// The hours in which the stage may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The days on which the stage may not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// The smoke test right after a move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// The values of the template's parameters on this stage, by name.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Whether templates may have statements that name no action or no resource.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wild_rights: bool,
    /// The repositories of ECR from which images of functions may come, beside the pipeline's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub images: BTreeSet<String>,
    /// Whether the triggers of the stage deliver no events.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events_off: bool,
}

/// Values of a template's parameters, by name.
pub type Parameters = BTreeMap<String, String>;

impl Policy {
    /// The default policy.
    pub fn of(is_protected: bool) -> Self {
        Self {
            approvals: u32::from(is_protected),
            approvers: BTreeSet::new(),
            self_approval: false,
            expires: 0,
            order: Order::Any,
            soak: 0,
            window: None,
            freeze: None,
            smoke: None,
            parameters: Parameters::new(),
            wild_rights: false,
            images: BTreeSet::new(),
            events_off: false,
        }
    }
}
