//! The routes of a function: its events of type `HttpApi`, all on the pipeline's one HTTP API.

use serde_json::{Map, Value};

use super::application::AppRoute;
use super::error::{Findings, Place, TemplateCode, Violation};
use super::intrinsics::Resolver;
use super::shape;

const METHODS: [&str; 8] = ["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The route for requests that no other route matches.
const DEFAULT: &str = "$default";

/// Reads the `Events` of a function: each route, with the place of its declaration.
pub(super) fn read(
    events: &Value,
    function: &str,
    place: &Place,
    resolver: &Resolver<'_>,
    findings: &mut Findings,
) -> Vec<(Place, AppRoute)> {
    let Some(events) = findings.take(place, shape::map(events)) else { return Vec::new() };
    let mut routes = Vec::new();
    for (name, event) in events {
        let place = place.key(name);
        let key = shape::map(event).and_then(|event| key_of(event, resolver));
        if let Some(key) = findings.take(&place, key) {
            routes.push((place, AppRoute { key, function: function.to_owned() }));
        }
    }
    routes
}

fn key_of(event: &Map<String, Value>, resolver: &Resolver<'_>) -> Result<String, Violation> {
    let kind = event.get("Type").map_or(Ok(""), shape::string)?;
    if kind != "HttpApi" {
        let hint = if kind == "Api" {
            "use the type HttpApi"
        } else {
            "remove it; only the type HttpApi is supported"
        };
        return Err(Violation::new(
            TemplateCode::Unsupported,
            format!("events of type `{kind}` are not supported"),
            hint,
        ));
    }
    if let Some(key) = event.keys().find(|key| !matches!(key.as_str(), "Type" | "Properties")) {
        return Err(unread(key));
    }
    let none = Map::new();
    let properties = event.get("Properties").map_or(Ok(&none), shape::map)?;
    let (mut method, mut path) = (None, None);
    for (key, value) in properties {
        match key.as_str() {
            "Method" => method = Some(method_of(&resolver.text(value)?)?),
            "Path" => path = Some(resolver.text(value)?),
            "PayloadFormatVersion" if resolver.text(value)? == "2.0" => {}
            _ => return Err(unread(key)),
        }
    }
    match (method.as_deref(), path) {
        (None, None) => Ok(DEFAULT.into()),
        // The explicit form of an event with neither.
        (None | Some("ANY"), Some(path)) if path == DEFAULT => Ok(path),
        (Some(method), Some(path)) => Ok(format!("{method} {}", path_of(path)?)),
        _ => Err(Violation::new(
            TemplateCode::Missing,
            "an HttpApi event has Path without Method, or Method without Path",
            "write both, or neither for the default route",
        )),
    }
}

fn unread(key: &str) -> Violation {
    let hint = match key {
        "ApiId" => "remove it: all routes of a pipeline are on the one API that Sluice creates for it",
        "PayloadFormatVersion" => "remove it: functions get payload format 2.0",
        _ => "remove it; an HttpApi event has Path and Method, or neither",
    };
    Violation::new(TemplateCode::Unsupported, format!("`{key}` of an HttpApi event is not supported"), hint)
}

fn method_of(method: &str) -> Result<String, Violation> {
    let upper = method.to_ascii_uppercase();
    if METHODS.contains(&upper.as_str()) {
        return Ok(upper);
    }
    Err(Violation::new(
        TemplateCode::Value,
        format!("`{method}` is not a method of an HTTP API"),
        format!("use one of {}", METHODS.join(", ")),
    ))
}

/// Checks a path: `/items/{id}/{rest+}`, with a greedy variable only at its end.
fn path_of(path: String) -> Result<String, Violation> {
    let Some(below) = path.strip_prefix('/') else { return Err(bad_path(&path)) };
    let segments: Vec<&str> = below.split('/').collect();
    for (n, segment) in segments.iter().enumerate() {
        let last = n + 1 == segments.len();
        let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let good = match variable {
            Some(name) => {
                let name = if last { name.strip_suffix('+').unwrap_or(name) } else { name };
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            }
            None => {
                (last || !segment.is_empty())
                    && segment
                        .bytes()
                        .all(|b| b.is_ascii_graphic() && !matches!(b, b'{' | b'}' | b'?' | b'#'))
            }
        };
        if !good {
            return Err(bad_path(&path));
        }
    }
    Ok(path)
}

fn bad_path(path: &str) -> Violation {
    Violation::new(
        TemplateCode::Value,
        format!("`{path}` is not a path of an HTTP API"),
        "write it as in /items/{id} or /files/{name+}",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use super::*;
    use crate::application::Deploying;
    use crate::budget::Budget;
    use sluice_model::{PipelineName, StageName, Target};

    /// The key of the route of an event with these properties, or the problem.
    fn key(properties: Value) -> Result<String, String> {
        let (pipeline, stage) = (PipelineName::new("orders").unwrap(), StageName::new("dev").unwrap());
        let deploying = Deploying {
            pipeline: &pipeline,
            stage: &stage,
            target: &Target { account: "123456789012".into(), region: "eu-central-1".into() },
            parameters: &BTreeMap::new(),
            code_bucket: "bucket",
            code_prefix: "orders",
            wild_rights: false,
        };
        let resolver = Resolver {
            deploying: &deploying,
            parameters: BTreeMap::new(),
            functions: BTreeSet::new(),
            budget: Budget::new(),
        };
        let event = json!({ "Type": "HttpApi", "Properties": properties });
        key_of(shape::map(&event).unwrap(), &resolver).map_err(|wrong| wrong.problem)
    }

    #[test]
    fn a_path_and_a_method_are_a_key_and_so_is_the_default() {
        for (path, method, expected) in [
            (json!("/"), json!("get"), "GET /"),
            (json!("/items/{id}/{rest+}"), json!("ANY"), "ANY /items/{id}/{rest+}"),
            (json!("/a-b/c.d~/"), json!("Post"), "POST /a-b/c.d~/"),
            (json!("$default"), json!("any"), "$default"),
            (json!({ "Fn::Sub": "/in/${AWS::Region}" }), json!("PUT"), "PUT /in/eu-central-1"),
        ] {
            assert_eq!(key(json!({ "Path": path, "Method": method })).as_deref(), Ok(expected));
        }
        for properties in [json!({}), json!({ "Path": "$default" }), json!({ "PayloadFormatVersion": "2.0" })]
        {
            assert_eq!(key(properties).as_deref(), Ok("$default"));
        }
    }

    #[test]
    fn paths_that_api_gateway_refuses_are_refused() {
        for path in ["", "items", "/a//b", "/{a+}/b", "/{}", "/{a", "/a}b", "/a?b", "/a b", "/é", "$defaults"]
        {
            let problem = key(json!({ "Path": path, "Method": "GET" })).unwrap_err();
            assert_eq!(problem, format!("`{path}` is not a path of an HTTP API"));
        }
        assert!(key(json!({ "Path": "$default", "Method": "GET" })).is_err());
        assert!(key(json!({ "Path": "/", "Method": "FETCH" })).unwrap_err().contains("`FETCH`"));
        for half in [json!({ "Path": "/" }), json!({ "Method": "GET" })] {
            assert!(key(half).unwrap_err().contains("without"));
        }
    }
}
