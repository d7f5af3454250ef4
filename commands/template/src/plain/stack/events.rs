//! Switching events off: `events=off` keeps a stage's triggers from delivering.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::classify::kinds;
use super::desired::Desired;
use super::finish::finish;
use super::shared::{output_references, uses};
use super::template::StackResource;

/// Types with a switch: the path of the property, and its values. From the types' pages in
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.
const SWITCHES: [(&str, &[&str], Switch); 6] = [
    ("AWS::Events::Rule", &["State"], Switch::Words { off: "DISABLED", on: "ENABLED" }),
    ("AWS::IoT::TopicRule", &["TopicRulePayload", "RuleDisabled"], Switch::Truth { off: true }),
    ("AWS::Lambda::EventSourceMapping", &["Enabled"], Switch::Truth { off: false }),
    ("AWS::Pipes::Pipe", &["DesiredState"], Switch::Words { off: "STOPPED", on: "RUNNING" }),
    ("AWS::SES::ReceiptRule", &["Rule", "Enabled"], Switch::Truth { off: false }),
    ("AWS::Scheduler::Schedule", &["State"], Switch::Words { off: "DISABLED", on: "ENABLED" }),
];

/// Types that deliver events and have no switch: they are left out.
const LEFT_OUT: [&str; 3] =
    ["AWS::Logs::SubscriptionFilter", "AWS::S3::BucketNotification", "AWS::SNS::Subscription"];

/// Properties that deliver events. Those of user pools and target groups stay: they answer calls, and a login needs them.
const PROPERTIES: [(&str, &str); 2] =
    [("AWS::S3::Bucket", "NotificationConfiguration"), ("AWS::SNS::Topic", "Subscription")];

/// The values of a switch.
enum Switch {
    Words { off: &'static str, on: &'static str },
    Truth { off: bool },
}

impl Switch {
    fn value(&self, is_on: bool) -> Value {
        match self {
            Switch::Words { on, .. } if is_on => json!(on),
            Switch::Words { off, .. } => json!(off),
            Switch::Truth { off } => json!(is_on != *off),
        }
    }
}

/// The switch of a type, and the path of its property.
fn switch_of(resource: &StackResource) -> Option<(&'static [&'static str], &'static Switch)> {
    let found = SWITCHES.iter().find(|(kind, _, _)| *kind == resource.kind);
    found.map(|(_, path, switch)| (*path, switch))
}

/// Sets a property. Gives whether that is possible: a payload that is an expression as a whole cannot be changed here.
fn set(resource: &mut StackResource, path: &[&str], value: Value) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match rest {
        [] => _ = resource.properties.insert((*first).to_owned(), value),
        [second, ..] => {
            let inner = resource.properties.entry((*first).to_owned()).or_insert_with(|| json!({}));
            let Some(inner) = inner.as_object_mut() else { return false };
            inner.insert((*second).to_owned(), value);
        }
    }
    true
}

fn has(resource: &StackResource, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    let found = resource.properties.get(*first);
    match rest {
        [] => found.is_some(),
        [second, ..] => found.is_some_and(|inner| inner.get(second).is_some()),
    }
}

/// Switches a trigger off, if its type has a switch. Gives whether it has.
pub(super) fn disable(resource: &mut StackResource) -> bool {
    let Some((path, switch)) = switch_of(resource) else { return false };
    set(resource, path, switch.value(false))
}

/// Switches a trigger on that was switched off and does not say so itself: some services keep the former value of a property that a
/// template has no more.
pub(super) fn enable_again(resource: &mut StackResource, live: &StackResource) {
    let Some((path, switch)) = switch_of(resource) else { return };
    if live.kind == resource.kind && has(live, path) && !has(resource, path) {
        set(resource, path, switch.value(true));
    }
}

impl Desired {
    /// The same with events off, for WIRE: triggers with a switch are off, and others that deliver events are left out. Also gives the
    /// triggers that something else of the stack names, so they could not be left out.
    pub fn without_events(mut self) -> (Self, BTreeSet<String>) {
        let mut still_on = BTreeSet::new();
        let Some(stack) = &mut self.stack else { return (self, still_on) };
        let uses = uses(&stack.template);
        for id in uses.keys().cloned() {
            let is_used = uses.values().any(|used| used.contains(&id));
            let Some(resource) = stack.template.resources.get_mut(&id) else { continue };
            for property in kinds::trigger_properties(&resource.kind) {
                if PROPERTIES.contains(&(resource.kind.as_str(), property)) {
                    resource.properties.remove(property);
                }
            }
            if disable(resource) || !LEFT_OUT.contains(&resource.kind.as_str()) || resource.held.is_none() {
                continue;
            }
            match is_used {
                true => _ = still_on.insert(id),
                false => _ = stack.template.resources.remove(&id),
            }
        }
        let resources = &stack.template.resources;
        let is_whole = |output: &mut Value| {
            let found = output_references(output);
            found.values.iter().all(|used| {
                resources.contains_key(&used.name)
                    || stack.template.parameters.contains_key(&used.name)
                    || used.name.starts_with("AWS::")
            })
        };
        let mut outputs = std::mem::take(&mut stack.template.outputs);
        outputs.retain(|_, output| is_whole(output));
        stack.template.outputs = outputs;
        // Nothing that it could find is new.
        _ = finish(&mut stack.template);
        stack.parameters.retain(|name, _| stack.template.parameters.contains_key(name));
        if stack.template.resources.is_empty() && stack.template.outputs.is_empty() {
            self.stack = None;
        }
        (self, still_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_is_of_a_trigger() {
        for (kind, _, _) in SWITCHES {
            assert!(kinds::is_trigger(kind), "{kind}");
        }
        for kind in LEFT_OUT {
            assert!(kinds::is_trigger(kind), "{kind}");
        }
        for (kind, property) in PROPERTIES {
            assert!(kinds::trigger_properties(kind).any(|known| known == property), "{kind}");
        }
    }
}
