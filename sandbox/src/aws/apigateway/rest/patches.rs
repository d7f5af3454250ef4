//! Patch operations, of which API Gateway supports some for each resource:
//! <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>.

use serde_json::{Map, Value, json};

const ENDPOINT_TYPES: [&str; 3] = ["EDGE", "PRIVATE", "REGIONAL"];
const VARIABLES: &str = "/variables/";
const VPC_ENDPOINTS: &str = "/endpointConfiguration/vpcEndpointIds";

pub(super) fn check_endpoint_type(kind: &str) -> Result<(), String> {
    if ENDPOINT_TYPES.contains(&kind) { Ok(()) } else { Err(format!("Invalid endpoint type {kind}")) }
}

fn invalid(op: &str, path: &str) -> String {
    format!("Invalid patch path '{path}' specified for op '{op}'.")
}

fn parts(patch: &Value) -> (&str, &str, &str) {
    let text = |field: &str| patch[field].as_str().unwrap_or_default();
    (text("op"), text("path"), text("value"))
}

/// Applies an operation to an API.
pub(super) fn apply(api: &mut Value, patch: &Value) -> Result<(), String> {
    let (op, path, value) = parts(patch);
    let binary =
        path.strip_prefix("/binaryMediaTypes/").map(|kind| kind.replace("~1", "/").replace("~0", "~"));
    match (op, path) {
        ("replace", "/name" | "/description" | "/policy" | "/apiKeySource") => {
            api[path.trim_start_matches('/')] = value.into();
        }
        ("replace", "/disableExecuteApiEndpoint") => match value {
            "true" | "false" => api["disableExecuteApiEndpoint"] = (value == "true").into(),
            _ => return Err("Invalid value for disableExecuteApiEndpoint".into()),
        },
        ("replace", "/minimumCompressionSize") => {
            let size = value.parse::<u32>().ok().filter(|size| *size <= 10 * 1024 * 1024);
            api["minimumCompressionSize"] =
                size.ok_or("Invalid minimum compression size, must be between 0 and 10485760")?.into();
        }
        ("replace", "/endpointConfiguration/ipAddressType") => {
            api["endpointConfiguration"]["ipAddressType"] = value.into();
        }
        ("replace", path) if path.starts_with("/endpointConfiguration/types/") => {
            check_endpoint_type(value)?;
            let held = &api["endpointConfiguration"]["types"][0];
            let named = path.rsplit('/').next().unwrap_or_default();
            if named != "0" && *held != named {
                return Err(invalid(op, path));
            }
            api["endpointConfiguration"]["types"] = json!([value]);
        }
        ("add", VPC_ENDPOINTS) => add(&mut api["endpointConfiguration"]["vpcEndpointIds"], value),
        ("remove", VPC_ENDPOINTS) => remove(&mut api["endpointConfiguration"]["vpcEndpointIds"], value),
        (op, _) => match (op, binary) {
            ("add", Some(kind)) => add(&mut api["binaryMediaTypes"], &kind),
            ("remove", Some(kind)) => remove(&mut api["binaryMediaTypes"], &kind),
            _ => return Err(invalid(op, path)),
        },
    }
    Ok(())
}

fn add(list: &mut Value, item: &str) {
    match list.as_array_mut() {
        Some(items) if items.iter().any(|held| held == item) => {}
        Some(items) => items.push(item.into()),
        None => *list = json!([item]),
    }
}

fn remove(list: &mut Value, item: &str) {
    if let Some(items) = list.as_array_mut() {
        items.retain(|held| held != item);
    }
}

/// The deployment and the variables of a stage after an update. The removal of a variable that the stage does not have is
/// refused: AWS does not document it, so callers must not rely on it.
pub(super) fn of_stage<'a>(
    before: &Value,
    body: &'a Value,
) -> Result<(Option<&'a str>, Map<String, Value>), String> {
    let mut variables = before["variables"].as_object().cloned().unwrap_or_default();
    let mut deployment = None;
    for patch in body["patchOperations"].as_array().into_iter().flatten() {
        let (op, path, value) = parts(patch);
        match (op, path.strip_prefix(VARIABLES)) {
            ("replace", None) if path == "/deploymentId" => deployment = Some(value),
            ("replace" | "add", Some(name)) => {
                variables.insert(name.to_owned(), value.into());
            }
            ("remove", Some(name)) => {
                variables.remove(name).ok_or_else(|| invalid(op, path))?;
            }
            (_, Some(_)) => return Err(invalid(op, path)),
            // Other properties are the local AWS's.
            _ => {}
        }
    }
    Ok((deployment, variables))
}

/// Whether an update of a stage turns logs on.
pub(super) fn logs(body: &Value) -> Result<bool, String> {
    let mut does = false;
    for patch in body["patchOperations"].as_array().into_iter().flatten() {
        let (_, path, value) = parts(patch);
        if path == "/accessLogSettings/destinationArn" {
            super::super::stages::check_destination(Some(value))?;
            does = true;
        }
        does |= path.ends_with("/logging/loglevel") && value != "OFF";
    }
    Ok(does)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(op: &str, path: &str, value: &str) -> Value {
        json!({ "op": op, "path": path, "value": value })
    }

    #[test]
    fn an_api_takes_the_supported_operations_only() {
        let mut api =
            json!({ "binaryMediaTypes": ["image/gif"], "endpointConfiguration": { "types": ["EDGE"] } });
        for (op, path, value) in [
            ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
            ("add", "/binaryMediaTypes/image~1png", ""),
            ("remove", "/binaryMediaTypes/image~1gif", ""),
            ("add", VPC_ENDPOINTS, "vpce-1"),
            ("replace", "/disableExecuteApiEndpoint", "true"),
            ("replace", "/minimumCompressionSize", "0"),
        ] {
            apply(&mut api, &patch(op, path, value)).unwrap();
        }
        let endpoint = json!({ "types": ["REGIONAL"], "vpcEndpointIds": ["vpce-1"] });
        assert_eq!(
            (&api["binaryMediaTypes"], &api["endpointConfiguration"]),
            (&json!(["image/png"]), &endpoint)
        );
        assert_eq!(
            (&api["disableExecuteApiEndpoint"], &api["minimumCompressionSize"]),
            (&json!(true), &json!(0))
        );
        for (op, path, value) in [
            ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
            ("replace", "/endpointConfiguration/types/REGIONAL", "GLOBAL"),
            ("replace", "/binaryMediaTypes", "x"),
            ("remove", "/tags/a", ""),
        ] {
            assert!(apply(&mut api, &patch(op, path, value)).is_err(), "{op} {path}");
        }
    }

    #[test]
    fn a_stage_moves_and_loses_only_variables_that_it_has() {
        let before = json!({ "variables": { "a": "1", "b": "2" } });
        let moved = json!({ "patchOperations": [
            patch("replace", "/deploymentId", "d2"), patch("replace", "/variables/c", "3"),
            patch("remove", "/variables/a", ""), patch("replace", "/description", "x"),
        ] });
        let (deployment, variables) = of_stage(&before, &moved).unwrap();
        assert_eq!((deployment, Value::from(variables)), (Some("d2"), json!({ "b": "2", "c": "3" })));
        let gone = json!({ "patchOperations": [patch("remove", "/variables/x", "")] });
        assert!(of_stage(&before, &gone).unwrap_err().contains("/variables/x"));
    }
}
