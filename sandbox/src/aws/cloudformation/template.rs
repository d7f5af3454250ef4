//! Reads templates: what `CreateChangeSet` refuses, and the values that are known before an execution.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::aws::account::arn;

/// The fields of a request.
pub(super) type Form = BTreeMap<String, String>;

/// Why `CreateChangeSet` is refused, as code and message.
pub fn acceptable(template: &Value, form: &Form) -> Result<(), (&'static str, String)> {
    let Some(resources) = template["Resources"].as_object() else { return Ok(()) };
    let parameters = template["Parameters"].as_object();
    let known = |name: &String| {
        resources.contains_key(name)
            || parameters.is_some_and(|known| known.contains_key(name))
            || name.starts_with("AWS::")
    };
    for block in ["Resources", "Outputs"] {
        let missing: Vec<String> =
            references(&template[block]).into_iter().filter(|name| !known(name)).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let message = format!(
                "Template format error: Unresolved resource dependencies [{missing}] in the {block} block of the template"
            );
            return Err(("ValidationError", message));
        }
    }
    if let Some(circle) = circle(resources) {
        let circle = circle.join(", ");
        return Err(("ValidationError", format!("Circular dependency between resources: [{circle}]")));
    }
    let listed = members(form, "ResourceTypes");
    let types: BTreeSet<&str> = resources.values().filter_map(|resource| resource["Type"].as_str()).collect();
    if let Some(foreign) =
        types.iter().find(|kind| !listed.is_empty() && !listed.iter().any(|one| one == *kind))
    {
        let message = format!("Resource type {foreign} is not allowed by parameter ResourceTypes");
        return Err(("ValidationError", message));
    }
    let given = members(form, "Capabilities");
    let has = |capability: &str| given.iter().any(|one| one == capability);
    let identities = || resources.values().filter(|resource| is_identity(resource));
    let is_named = |resource: &Value| {
        let fields = resource["Properties"].as_object();
        let names = ["RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName"];
        fields.is_some_and(|fields| names.iter().any(|name| fields.contains_key(*name)))
    };
    if !has("CAPABILITY_NAMED_IAM") {
        let missing = match (identities().any(is_named), identities().next().is_some()) {
            (true, _) => Some("CAPABILITY_NAMED_IAM"),
            (_, true) if !has("CAPABILITY_IAM") => Some("CAPABILITY_IAM"),
            _ => None,
        };
        if let Some(missing) = missing {
            return Err((
                "InsufficientCapabilitiesException",
                format!("Requires capabilities : [{missing}]"),
            ));
        }
    }
    Ok(())
}

fn is_identity(resource: &Value) -> bool {
    resource["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::IAM::"))
}

/// The members of a list in a request.
fn members(form: &Form, name: &str) -> Vec<String> {
    let prefix = format!("{name}.member.");
    form.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, value)| value.clone()).collect()
}

/// The values of parameters: from the request, or the template's defaults.
pub fn parameters(template: &Value, form: &Form) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let declared = template["Parameters"].as_object().into_iter().flatten();
    let mut values: BTreeMap<String, String> = declared
        .filter_map(|(name, declared)| Some((name.clone(), text(declared.get("Default")?))))
        .collect();
    for (key, name) in form.iter().filter(|(key, _)| key.ends_with(".ParameterKey")) {
        if let Some(value) = form.get(&key.replace("ParameterKey", "ParameterValue")) {
            values.insert(name.clone(), value.clone());
        }
    }
    values
}

/// The resources and parameters that a value names.
fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => {
            let first = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
            let mut names: BTreeSet<String> = map.values().flat_map(references).collect();
            names.extend(map.get("Ref").and_then(Value::as_str).map(str::to_owned));
            let attribute = map.get("Fn::GetAtt");
            names.extend(attribute.and_then(|at| at.get(0).unwrap_or(at).as_str()).map(first));
            let sub = map.get("Fn::Sub");
            let (text, own) = (sub.map(|sub| sub.get(0).unwrap_or(sub)), sub.and_then(|sub| sub.get(1)));
            let variables = text.and_then(Value::as_str).map(variables).unwrap_or_default();
            let is_own = |name: &String| own.is_some_and(|own| own.get(name).is_some());
            names.extend(variables.iter().map(|name| first(name)).filter(|name| !is_own(name)));
            names
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// The names in `${…}`, without `${!literal}`.
fn variables(text: &str) -> Vec<String> {
    let parts = text.split("${").skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned()));
    parts.filter(|name| !name.starts_with('!')).collect()
}

/// Resources that depend on each other in a circle.
fn circle(resources: &serde_json::Map<String, Value>) -> Option<Vec<String>> {
    let needs = |resource: &Value| {
        let depends = match &resource["DependsOn"] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect::<BTreeSet<_>>(),
        };
        references(&resource["Properties"]).into_iter().chain(depends).collect::<BTreeSet<_>>()
    };
    let mut left: BTreeMap<&String, BTreeSet<String>> =
        resources.iter().map(|(name, resource)| (name, needs(resource))).collect();
    loop {
        let names: BTreeSet<String> = left.keys().map(|name| (*name).clone()).collect();
        let before = left.len();
        left.retain(|_, needs| needs.iter().any(|need| names.contains(need)));
        if left.is_empty() {
            return None;
        }
        if left.len() == before {
            return Some(left.into_keys().cloned().collect());
        }
    }
}

/// A value as text, as far as it is known before the execution.
pub fn evaluated(value: &Value, stack: &str, parameters: &BTreeMap<String, String>) -> Option<String> {
    let named = |name: &str| match name {
        "AWS::StackName" => stack.split('/').nth(1).map(str::to_owned),
        "AWS::Region" => stack.split(':').nth(3).map(str::to_owned),
        "AWS::AccountId" => stack.split(':').nth(4).map(str::to_owned),
        "AWS::Partition" => Some("aws".to_owned()),
        name => parameters.get(name).cloned(),
    };
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(map) => {
            if let Some(name) = map.get("Ref").and_then(Value::as_str) {
                return named(name);
            }
            let mut text = map.get("Fn::Sub")?.as_str()?.to_owned();
            for name in variables(&text) {
                text = text.replace(&format!("${{{name}}}"), &named(&name)?);
            }
            Some(text)
        }
        _ => None,
    }
}

/// The ARN of an event source and its service. A queue or table of the same stack gets the name that it has or will get.
pub fn source(
    value: &Value,
    stack: &str,
    template: &Value,
    parameters: &BTreeMap<String, String>,
) -> Option<(String, &'static str)> {
    let service = |arn: &str| match arn.split(':').nth(2) {
        Some("sqs") => Some("sqs"),
        Some("dynamodb") => Some("dynamodb"),
        _ => None,
    };
    if let Some(arn) = evaluated(value, stack, parameters) {
        return service(&arn).map(|service| (arn.clone(), service));
    }
    let logical = references(value).into_iter().next()?;
    let resource = &template["Resources"][&logical];
    let generated = || format!("{}-{logical}-x", stack.split('/').nth(1).unwrap_or_default());
    let name = |property: &str| {
        evaluated(&resource["Properties"][property], stack, parameters).unwrap_or_else(generated)
    };
    match resource["Type"].as_str()? {
        "AWS::SQS::Queue" => Some((arn("sqs", &name("QueueName")), "sqs")),
        "AWS::DynamoDB::Table" => {
            Some((arn("dynamodb", &format!("table/{}/stream/x", name("TableName"))), "dynamodb"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn code(resources: Value, fields: &[(&str, &str)]) -> Option<String> {
        let template = json!({ "Resources": resources, "Parameters": { "Stage": { "Default": "dev" } } });
        acceptable(&template, &form(fields)).err().map(|(code, message)| format!("{code} {message}"))
    }

    #[test]
    fn references_circles_types_and_capabilities_are_judged() {
        let queue =
            |properties: Value| json!({ "Q": { "Type": "AWS::SQS::Queue", "Properties": properties } });
        let sub = |text: &str| queue(json!({ "QueueName": { "Fn::Sub": text } }));
        assert_eq!(code(sub("${Stage}-${AWS::Region}-${!literal}"), &[]), None);
        assert!(code(sub("${Nope.Arn}"), &[]).unwrap().contains("Unresolved resource dependencies [Nope]"));
        assert!(code(queue(json!({ "QueueName": { "Ref": "Q" } })), &[]).unwrap().contains("Circular"));
        let only = [("ResourceTypes.member.1", "AWS::SNS::Topic")];
        assert!(code(queue(json!({})), &only).unwrap().contains("AWS::SQS::Queue is not allowed"));
        let role = |properties: Value| json!({ "R": { "Type": "AWS::IAM::Role", "Properties": properties } });
        let iam = [("Capabilities.member.1", "CAPABILITY_IAM")];
        assert!(code(role(json!({})), &[]).unwrap().contains("[CAPABILITY_IAM]"));
        assert_eq!(code(role(json!({})), &iam), None);
        let named = code(role(json!({ "RoleName": "r" })), &iam).unwrap();
        assert!(named.starts_with("InsufficientCapabilitiesException") && named.contains("NAMED"), "{named}");
    }

    #[test]
    fn names_are_evaluated_as_far_as_they_are_known() {
        let stack = "arn:aws:cloudformation:us-east-1:000000000000:stack/sluice-orders-dev/1";
        let template = json!({ "Parameters": { "Stage": { "Default": "dev" }, "N": { "Default": 3 } } });
        let fields =
            [("Parameters.member.1.ParameterKey", "Stage"), ("Parameters.member.1.ParameterValue", "prod")];
        let known = parameters(&template, &form(&fields));
        let text = |value: Value| evaluated(&value, stack, &known);
        assert_eq!(
            text(json!({ "Fn::Sub": "${AWS::StackName}-${Stage}-${N}" })).unwrap(),
            "sluice-orders-dev-prod-3"
        );
        assert_eq!(text(json!({ "Ref": "Other" })), None);
        let template = json!({ "Resources": { "Q": { "Type": "AWS::SQS::Queue" } } });
        let own = source(&json!({ "Fn::GetAtt": ["Q", "Arn"] }), stack, &template, &known).unwrap();
        assert_eq!(own, ("arn:aws:sqs:us-east-1:000000000000:sluice-orders-dev-Q-x".to_owned(), "sqs"));
    }
}
