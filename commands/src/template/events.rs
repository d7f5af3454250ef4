//! The routes of a function: its events of type `HttpApi`, all on the pipeline's one HTTP API.

use serde_json::{Map, Value};

use super::AppRoute;
use super::error::{Findings, Place, TemplateCode, Wrong};
use super::intrinsics::Resolver;
use super::shape;

const METHODS: [&str; 8] = ["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Reads `Events` of a function: each route with the place where it is declared.
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

fn key_of(event: &Map<String, Value>, resolver: &Resolver<'_>) -> Result<String, Wrong> {
    let kind = event.get("Type").map_or(Ok(""), shape::string)?;
    if kind != "HttpApi" {
        let hint = if kind == "Api" {
            "use the type HttpApi"
        } else {
            "remove it; only the type HttpApi is read yet"
        };
        return Err(Wrong::new(
            TemplateCode::Unsupported,
            format!("events of type `{kind}` are not read"),
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
            "Path" => path = Some(path_of(resolver.text(value)?)?),
            "PayloadFormatVersion" if resolver.text(value)? == "2.0" => {}
            _ => return Err(unread(key)),
        }
    }
    match (method, path) {
        (Some(method), Some(path)) => Ok(format!("{method} {path}")),
        (None, None) => Ok("$default".into()),
        _ => Err(Wrong::new(
            TemplateCode::Missing,
            "an HttpApi event has Path without Method, or Method without Path",
            "write both, or neither for the route that takes whatever no other route takes",
        )),
    }
}

fn unread(key: &str) -> Wrong {
    let hint = match key {
        "ApiId" => "remove it: all routes of a pipeline are on the one API that Sluice makes for it",
        "PayloadFormatVersion" => "remove it: functions get payload format 2.0",
        _ => "remove it; an HttpApi event has Path and Method, or neither",
    };
    Wrong::new(TemplateCode::Unsupported, format!("`{key}` of an HttpApi event is not read"), hint)
}

fn method_of(method: &str) -> Result<String, Wrong> {
    let upper = method.to_ascii_uppercase();
    if METHODS.contains(&upper.as_str()) {
        return Ok(upper);
    }
    Err(Wrong::new(
        TemplateCode::Value,
        format!("`{method}` is no method of an HTTP API"),
        format!("use one of {}", METHODS.join(", ")),
    ))
}

/// Checks a path: `/items/{id}/{rest+}`, with a greedy variable only at its end.
fn path_of(path: String) -> Result<String, Wrong> {
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

fn bad_path(path: &str) -> Wrong {
    Wrong::new(
        TemplateCode::Value,
        format!("`{path}` is no path of an HTTP API"),
        "write it as in /items/{id} or /files/{name+}",
    )
}
