//! What the local AWS knows of a function.

use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;

use super::super::upstream::Upstream;
use super::answers::{Refusable, not_found, refuse};

/// `$LATEST` and the newest version.
pub async fn ends(upstream: &Upstream, function: &str) -> Refusable<(Value, Option<Value>)> {
    let (mut latest, mut newest, mut marker) = (Value::Null, None, String::new());
    loop {
        let path = format!("/2015-03-31/functions/{function}/versions?MaxItems=50{marker}");
        let page = upstream.call("lambda", Method::GET, &path, &[], "").await?;
        if !page.status.is_success() {
            return Err(Box::new(page.into_response()));
        }
        let page = page.json();
        for config in page["Versions"].as_array().into_iter().flatten() {
            if config["Version"] == "$LATEST" {
                latest = config.clone();
            } else {
                newest = Some(config.clone());
            }
        }
        match page["NextMarker"].as_str().filter(|next| !next.is_empty()) {
            Some(next) => marker = format!("&Marker={next}"),
            None => return Ok((latest, newest)),
        }
    }
}

/// The configuration of `$LATEST`; a refusal while an update is in progress.
pub async fn idle(upstream: &Upstream, function: &str) -> Refusable<Value> {
    let Some(latest) = config(upstream, function, "$LATEST").await? else {
        return Err(not_found(function));
    };
    if latest["LastUpdateStatus"] == "InProgress" || latest["State"] == "Pending" {
        let message = format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {}",
            latest["FunctionArn"].as_str().unwrap_or_default()
        );
        return Err(refuse(StatusCode::CONFLICT, "ResourceConflictException", &message));
    }
    Ok(latest)
}

pub async fn config(upstream: &Upstream, function: &str, version: &str) -> Refusable<Option<Value>> {
    let qualifier = if version == "$LATEST" { String::new() } else { format!("?Qualifier={version}") };
    let path = format!("/2015-03-31/functions/{function}/configuration{qualifier}");
    let answer = upstream.call("lambda", Method::GET, &path, &[], "").await?;
    match answer.status {
        StatusCode::NOT_FOUND => Ok(None),
        status if status.is_success() => Ok(Some(answer.json())),
        _ => Err(Box::new(answer.into_response())),
    }
}
