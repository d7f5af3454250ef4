//! The faults that a test arms: calls are held, refused, dropped or delayed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::name::CallName;

/// The longest delay. A fault that needs more is a hold.
const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// Which calls a fault applies to, and what it does. An absent condition matches every call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Matches only this service: `lambda`, `dynamodb`, `slack`…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Excludes these services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Matches only this method: `UpdateAlias`, `chat.postMessage`…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Matches calls whose detail contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Excludes calls whose detail contains one of these texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_detail: Vec<String>,
    /// Matches only calls that change something, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutating: Option<bool>,
    /// The first matching call that the fault applies to, from 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many calls it applies to; 0 means until it is released or cleared.
    #[serde(default = "one")]
    pub times: u32,
    pub action: Action,
    /// Before or after the effect. The default is after for `drop`, and before for the other actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// The HTTP status of a refusal; the default is 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error code of a refusal. It is sent in the call's protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The message of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default)]
    pub delay_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The call, or its answer, waits until the fault is released.
    Hold,
    /// The call gets an error and has no effect.
    Refuse,
    /// The connection breaks without an answer.
    Drop,
    /// The call, or its answer, is delayed.
    Delay,
}

/// Whether a fault applies before or after the call's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The service has not seen the call.
    Before,
    /// The call has its effect; only the answer is late or lost.
    After,
}

/// A fault and what it has done so far.
#[derive(Debug, Clone, Serialize)]
pub struct FaultState {
    pub id: String,
    pub spec: FaultSpec,
    /// Calls that matched.
    pub seen: u32,
    /// Calls that it applied to.
    pub fired: u32,
    /// Calls that it holds now.
    pub holding: usize,
    /// Whether it applies to no more calls.
    pub spent: bool,
}

/// The effect of a fault on one call.
pub(super) struct Injection {
    pub(super) action: Action,
    pub(super) when: When,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) delay: Duration,
    pub(super) released: watch::Receiver<bool>,
}

pub(super) struct ArmedFault {
    spec: FaultSpec,
    seen: u32,
    fired: u32,
    release: watch::Sender<bool>,
}

impl ArmedFault {
    pub(super) fn new(spec: FaultSpec) -> Self {
        Self { spec, seen: 0, fired: 0, release: watch::Sender::new(false) }
    }

    /// Counts a call if it matches; what happens to it.
    pub(super) fn inject(&mut self, name: &CallName) -> Option<Injection> {
        if self.spent() || !self.matches(name) {
            return None;
        }
        self.seen += 1;
        if self.seen < self.spec.nth.max(1) {
            return None;
        }
        self.fired += 1;
        let default = if self.spec.action == Action::Drop { When::After } else { When::Before };
        Some(Injection {
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
            // Only a call that waits keeps its receiver.
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
