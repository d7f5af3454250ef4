//! The look at a stack that will be removed: what goes with it, and what stays in the account.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::future::try_join;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::shed::ShedPlan;
use super::super::what::{StackItem, StackOfStage};
use super::super::worker::on_worker;
use crate::operation::{EngineError, World};
use crate::ports::{Stack, StackClass, StackResource, StackStatus};
use sluice_template::plain::{Delivery, Emission, Shed, StackTemplate, shed};

/// A stack to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StackToRemove {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The ARN of its service role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    /// Whether CloudFormation refuses to delete it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_protected: bool,
    /// Whether resources without data have to be released before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_released: bool,
    /// Whether the template that releases them has to be in S3.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_large: bool,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) goes: Vec<StackItem>,
    /// What stays in the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stays: Vec<StackItem>,
}

#[cfg(any(test, feature = "testing"))]
impl StackToRemove {
    /// For samples of messages: a topic goes, and so many tables stay.
    pub(crate) fn sample(name: &str, stays: usize) -> Self {
        let item = |id: String, kind: &str| {
            let name = format!("{name}-{id}-1ABCDEFGHIJKL");
            StackItem { id, kind: kind.to_owned(), name }
        };
        Self {
            id: format!("arn:aws:cloudformation:::stack/{name}/0"),
            name: name.to_owned(),
            role: None,
            is_protected: false,
            is_released: false,
            is_large: false,
            goes: vec![item("News".to_owned(), "AWS::SNS::Topic")],
            stays: (1..=stays).map(|nth| item(format!("Orders{nth}"), "AWS::DynamoDB::Table")).collect(),
        }
    }
}

/// What a look at a stage's stack finds.
pub(crate) enum StackLook {
    /// The stage has none.
    None,
    /// CloudFormation is changing it.
    Busy,
    /// This one.
    Found(Box<StackToRemove>),
}

impl StackOfStage {
    /// The stage's stack, by name and tags.
    pub(crate) async fn look(&self, world: &World) -> Result<StackLook, EngineError> {
        let stacks = &world.ports.stacks;
        let Some(stack) = self.find(world).await? else { return Ok(StackLook::None) };
        // A deletion that somebody began is only waited for.
        match stack.status.class() {
            StackClass::Gone => return Ok(StackLook::None),
            StackClass::InProgress if stack.status != StackStatus::DeleteInProgress => {
                return Ok(StackLook::Busy);
            }
            _ => {}
        }
        let (template, resources) = try_join(
            stacks.template(&self.target, &stack.id),
            stacks.stack_resources(&self.target, &stack.id),
        )
        .await?;
        let (template, resources) = (template.unwrap_or_default(), resources.unwrap_or_default());
        let plan = planned(world, template).await?;
        Ok(StackLook::Found(Box::new(StackToRemove::new(&stack, &plan, resources))))
    }
}

impl StackToRemove {
    fn new(stack: &Stack, plan: &Planned, resources: Vec<StackResource>) -> Self {
        // A change set needs a stack that accepts updates, and its role.
        let can_change = stack.status.class() == StackClass::Stable && stack.role.is_some();
        let release = plan.release.as_ref().filter(|_| can_change);
        let kept = if release.is_some() { &plan.stays } else { &plan.kept };
        let (stays, goes) = StackItem::all(resources).partition(|item| kept.contains(&item.id));
        Self {
            id: stack.id.clone(),
            name: stack.name.clone(),
            role: stack.role.clone(),
            is_protected: stack.is_protected,
            is_released: release.is_some(),
            is_large: release.is_some_and(|release| release.template.delivery() == Some(Delivery::Url)),
            goes,
            stays,
        }
    }
}

/// The change set that lets CloudFormation delete what holds no data together with the stack.
pub(super) struct Release;

#[async_trait]
impl ShedPlan for Release {
    async fn plan(&self, world: &World, live: String) -> Result<Option<(Emission, Shed)>, EngineError> {
        let planned = planned(world, live).await?;
        Ok(planned.release.zip(planned.shed))
    }
}

/// What the template of a stack says about its removal.
#[derive(Default)]
struct Planned {
    /// The template that releases what holds no data; `None` if nothing has to be released, or the template is not Sluice's.
    release: Option<Emission>,
    shed: Option<Shed>,
    /// The logical ids of what stays after the release.
    stays: BTreeSet<String>,
    /// The logical ids of what stays without it.
    kept: BTreeSet<String>,
}

/// Plans on a worker thread, because the template is untrusted.
async fn planned(world: &World, template: String) -> Result<Planned, EngineError> {
    on_worker(world, "stack::remove", move || Planned::of(&template)).await
}

impl Planned {
    fn of(text: &str) -> Self {
        let kept = kept(&serde_json::from_str(text).unwrap_or_default());
        let live = StackTemplate::read(text).ok();
        let shed = live.and_then(|live| shed(&live, &BTreeSet::new(), &BTreeSet::new()).ok().flatten());
        let release = shed.as_ref().and_then(|shed| shed.release.clone());
        // A template that became too large for CloudFormation by it releases nothing.
        let release = release.filter(|release| release.template.delivery().is_some());
        let text = release.as_ref().map(|release| release.template.text());
        let stays = text.map(|text| self::kept(&serde_json::from_str(&text).unwrap_or_default()));
        Self { release, shed, stays: stays.unwrap_or_else(|| kept.clone()), kept }
    }
}

/// The resources whose deletion policy leaves something in the account when the stack is deleted.
fn kept(template: &Value) -> BTreeSet<String> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let is_kept = |body: &Value| {
        let policy = body["DeletionPolicy"].as_str();
        matches!(policy, Some("Retain" | "RetainExceptOnCreate" | "Snapshot"))
    };
    resources.filter(|(_, body)| is_kept(body)).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resource(kind: &str, policy: &str, properties: Value) -> Value {
        json!({ "Type": kind, "DeletionPolicy": policy, "Properties": properties })
    }

    fn template() -> String {
        json!({
            "Metadata": { "Sluice": { "Schema": 1 } },
            "Resources": {
                "Orders": resource(
                    "AWS::DynamoDB::Table",
                    "RetainExceptOnCreate",
                    json!({ "SSESpecification": { "KMSMasterKeyId": { "Ref": "Secret" } } }),
                ),
                "Secret": resource("AWS::SSM::Parameter", "RetainExceptOnCreate", json!({ "Value": "x" })),
                "News": resource("AWS::SNS::Topic", "RetainExceptOnCreate", json!({})),
                "Kept": resource("AWS::SNS::Topic", "Retain", json!({})),
                "Poller": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {} },
            },
        })
        .to_string()
    }

    #[test]
    fn what_holds_data_stays_with_what_it_refers_to_and_what_its_author_keeps() {
        let planned = Planned::of(&template());
        assert_eq!(planned.stays, ["Kept", "Orders", "Secret"].map(str::to_owned).into());
        assert_eq!(planned.kept, ["News", "Kept", "Orders", "Secret"].map(str::to_owned).into());
        assert!(planned.release.is_some());
    }

    #[test]
    fn a_template_that_somebody_else_wrote_releases_nothing() {
        let planned = Planned::of(&template().replace("Schema", "Other"));
        assert!(planned.release.is_none());
        assert_eq!(planned.stays, planned.kept);
        assert!(Planned::of("Resources: {}").kept.is_empty(), "not JSON");
    }

    #[test]
    fn a_stack_that_accepts_no_change_keeps_what_its_live_policies_keep() {
        let planned = Planned::of(&template());
        let stack = |status| Stack {
            id: "arn:stack".to_owned(),
            name: "sluice-orders-prod".to_owned(),
            status,
            reason: None,
            change_set: None,
            outputs: Default::default(),
            parameters: Default::default(),
            tags: Default::default(),
            role: Some("arn:role".to_owned()),
            is_protected: false,
        };
        let resources = || {
            ["News", "Kept", "Orders", "Poller", "Secret"].map(|id| StackResource {
                logical_id: id.to_owned(),
                physical_id: Some(format!("physical-{id}")),
                resource_type: "T".to_owned(),
                status: crate::ports::ResourceStatus("CREATE_COMPLETE".to_owned()),
                reason: None,
            })
        };
        let goes = |status| {
            let found = StackToRemove::new(&stack(status), &planned, resources().into());
            (found.is_released, found.goes.into_iter().map(|item| item.id).collect::<Vec<_>>())
        };
        assert_eq!(goes(StackStatus::UpdateComplete), (true, vec!["News".to_owned(), "Poller".to_owned()]));
        assert_eq!(goes(StackStatus::DeleteFailed), (false, vec!["Poller".to_owned()]));
    }
}
