//! What approvers have to see in full, because it gives access to others.

use serde_json::Value;

use super::super::references::References;
use super::graph::Graph;
use super::kinds::PERMISSION;
use super::split::{Attention, Part, Split};

/// What approvers have to see in full.
pub(super) fn of(graph: &Graph<'_>, split: &Split) -> Vec<Attention> {
    let mut all = Vec::new();
    for (logical_id, resource) in graph.resources() {
        if matches!(split.part(logical_id), Some(Part::Dropped(_))) {
            continue;
        }
        let text = |key: &str| {
            let value = graph.evaluator.evaluate(resource.properties.get(key)?).ok()??;
            Some(value.known().map_or_else(|| "a value that is not known yet".to_owned(), plain))
        };
        let what = match resource.kind.as_str() {
            "AWS::Lambda::Url" if text("AuthType").as_deref() == Some("NONE") => {
                Some("Everybody may call this function by its URL.".to_owned())
            }
            PERMISSION => text("Principal")
                .filter(|who| !who.contains(".amazonaws."))
                .map(|who| format!("It allows `{who}` to invoke a function.")),
            "AWS::Lambda::LayerVersionPermission" => {
                text("Principal").map(|who| format!("It allows `{who}` to use a layer."))
            }
            "AWS::S3::Bucket" => text("AccessControl")
                .filter(|acl| acl.starts_with("Public"))
                .map(|acl| format!("The bucket is public: `{acl}`.")),
            "AWS::RDS::DBInstance" | "AWS::Redshift::Cluster" => text("PubliclyAccessible")
                .filter(|truth| truth == "true")
                .map(|_| "The database can be reached from the internet.".to_owned()),
            _ => None,
        };
        let mut principals = Vec::new();
        for value in resource.properties.values() {
            others(value, &mut principals);
        }
        let granted = principals.into_iter().map(|who| format!("A policy of it gives access to {who}."));
        all.extend(
            what.into_iter().chain(granted).map(|what| Attention { logical_id: logical_id.to_owned(), what }),
        );
    }
    for (name, output) in &graph.evaluator.template.outputs {
        let found = References::of(&output.value, &graph.decided);
        let secret =
            found.values.iter().find(|reference| graph.evaluator.template.is_no_echo(&reference.name));
        all.extend(secret.map(|reference| Attention {
            logical_id: name.clone(),
            what: format!("The output shows the secret parameter {}.", reference.name),
        }));
    }
    all.sort();
    all.dedup();
    all
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The principals of policy statements that are not services: everybody, accounts, users, identity providers.
fn others(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| others(item, found)),
        Value::Object(map) => {
            let allows = map.get("Effect").is_none_or(|effect| effect != "Deny");
            match map.get("Principal").filter(|_| map.contains_key("Effect") && allows) {
                Some(Value::String(who)) => found.push(format!("`{who}`")),
                Some(Value::Object(by)) => {
                    let foreign =
                        by.iter().filter(|(key, _)| key.as_str() != "Service" && !key.starts_with("Fn::"));
                    found.extend(foreign.map(|(key, who)| format!("{key} `{}`", plain(who))));
                }
                _ => {}
            }
            map.values().for_each(|value| others(value, found));
        }
        _ => {}
    }
}
