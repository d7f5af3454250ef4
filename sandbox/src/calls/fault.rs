//! What a test may do to calls: hold them, refuse them, lose them or slow them down.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{CallName, LONGEST_DELAY, release_channel};

/// What to do to which calls. A condition that is absent matches every call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Only calls of this service: `lambda`, `dynamodb`, `slack`…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Not calls of these services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Only this method: `UpdateAlias`, `chat.postMessage`…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only calls whose detail contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Not calls whose detail contains one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_detail: Vec<String>,
    /// Only calls that change something, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutating: Option<bool>,
    /// The first call to strike among those that match from now on, from 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many calls to strike from there; 0 strikes until the fault is released or cleared.
    #[serde(default = "one")]
    pub times: u32,
    /// What to do.
    pub action: Action,
    /// On which side of the effect. `drop` is after the effect unless it says `before`, the others before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// The HTTP status of a refusal; 500 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error code of a refusal, in the form of the call's protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The message of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds of a delay.
    #[serde(default)]
    pub delay_ms: u64,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The call (or its answer) waits until the fault is released.
    Hold,
    /// The service answers with an error and does nothing.
    Refuse,
    /// The connection breaks without an answer.
    Drop,
    /// The call (or its answer) is late.
    Delay,
}

/// On which side of the effect a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Before it: the service behind has not seen the call.
    Before,
    /// After it: only the answer is late or lost.
    After,
}

/// A fault and what it has done so far.
#[derive(Debug, Clone, Serialize)]
pub struct FaultState {
    /// Its id.
    pub id: String,
    /// What was armed.
    pub spec: FaultSpec,
    /// Calls that matched.
    pub seen: u32,
    /// Calls that it struck.
    pub fired: u32,
    /// Calls that it holds right now.
    pub holding: usize,
    /// It strikes no more.
    pub spent: bool,
}

/// What happens to one call.
pub(super) struct Strike {
    pub(super) action: Action,
    pub(super) when: When,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) delay: Duration,
    pub(super) released: watch::Receiver<bool>,
}

/// A fault that is armed.
pub(super) struct Armed {
    spec: FaultSpec,
    seen: u32,
    fired: u32,
    release: watch::Sender<bool>,
}

impl Armed {
    pub(super) fn new(spec: FaultSpec) -> Self {
        Self { spec, seen: 0, fired: 0, release: release_channel().0 }
    }

    /// Counts a call if it matches, and says what happens to it.
    pub(super) fn meet(&mut self, name: &CallName) -> Option<Strike> {
        if self.spent() || !self.matches(name) {
            return None;
        }
        self.seen += 1;
        if self.seen < self.spec.nth.max(1) {
            return None;
        }
        self.fired += 1;
        let default = if self.spec.action == Action::Drop { When::After } else { When::Before };
        Some(Strike {
            action: self.spec.action,
            when: self.spec.when.unwrap_or(default),
            status: self.spec.status,
            code: self.spec.code.clone(),
            message: self.spec.message.clone(),
            delay: Duration::from_millis(self.spec.delay_ms).min(LONGEST_DELAY),
            released: self.release.subscribe(),
        })
    }

    pub(super) fn release(&self) {
        self.release.send_replace(true);
    }

    pub(super) fn state(&self, number: u64) -> FaultState {
        FaultState {
            id: id(number),
            spec: self.spec.clone(),
            seen: self.seen,
            fired: self.fired,
            // Only calls that wait keep a receiver for longer than a moment.
            holding: if self.spec.action == Action::Hold { self.release.receiver_count() } else { 0 },
            spent: self.spent(),
        }
    }

    fn spent(&self) -> bool {
        *self.release.borrow() || (self.spec.times > 0 && self.fired >= self.spec.times)
    }

    fn matches(&self, name: &CallName) -> bool {
        let spec = &self.spec;
        let mentions = |part: &String| name.detail.as_ref().is_some_and(|detail| detail.contains(part));
        spec.service.as_ref().is_none_or(|service| *service == name.service)
            && !spec.except.contains(&name.service)
            && spec.method.as_ref().is_none_or(|method| *method == name.method)
            && spec.mutating.is_none_or(|mutating| mutating == name.mutating)
            && spec.detail.as_ref().is_none_or(mentions)
            && !spec.except_detail.iter().any(mentions)
    }
}

pub(super) fn id(number: u64) -> String {
    format!("fault-{number}")
}

pub(super) fn number(id: &str) -> Option<u64> {
    id.strip_prefix("fault-")?.parse().ok()
}

fn one() -> u32 {
    1
}
