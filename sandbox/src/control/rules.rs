//! The rules of strict AWS: which are on, and their settings.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, bad, read};
use crate::aws::{Quotas, Rule, Settings};
use crate::slack::Slack;

/// Absent fields stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRules {
    #[serde(default)]
    strict: Vec<String>,
    #[serde(default)]
    lenient: Vec<String>,
    seed: Option<u64>,
    new_bucket_ms: Option<u64>,
    quotas: Option<Value>,
    stack_ms: Option<u64>,
    stack_failures: Option<BTreeMap<String, String>>,
}

/// `GET /control/rules`.
pub(super) async fn show(State(slack): State<Slack>) -> Answer {
    Ok(axum::Json(view(&slack.config().strict.settings())))
}

/// `POST /control/rules`: turns rules on and off.
pub(super) async fn change(State(slack): State<Slack>, body: Bytes) -> Answer {
    let new: NewRules = read(&body)?;
    let parse =
        |names: &[String]| names.iter().map(|name| name.parse::<Rule>()).collect::<Result<Vec<_>, _>>();
    let (on, off) = (parse(&new.strict).map_err(bad)?, parse(&new.lenient).map_err(bad)?);
    let strict = &slack.config().strict;
    let mut quotas = json!(strict.settings().quotas);
    if let (Some(known), Some(Value::Object(wanted))) = (quotas.as_object_mut(), new.quotas) {
        known.extend(wanted);
    }
    let quotas: Quotas = serde_json::from_value(quotas).map_err(bad)?;
    strict.set(|settings| {
        settings.lenient.extend(off);
        settings.lenient.retain(|rule| !on.contains(rule));
        settings.seed = new.seed.unwrap_or(settings.seed);
        settings.new_bucket = new.new_bucket_ms.map_or(settings.new_bucket, Duration::from_millis);
        settings.quotas = quotas;
        settings.stacks.takes = new.stack_ms.map_or(settings.stacks.takes, Duration::from_millis);
        if let Some(failures) = new.stack_failures {
            settings.stacks.failures = failures;
        }
    });
    Ok(axum::Json(view(&strict.settings())))
}

fn view(settings: &Settings) -> Value {
    let names = |on: bool| -> Vec<&str> {
        let rules = Rule::ALL.into_iter().filter(|rule| settings.lenient.contains(rule) != on);
        rules.map(Rule::name).collect()
    };
    json!({
        "strict": names(true),
        "lenient": names(false),
        "seed": settings.seed,
        "new_bucket_ms": u64::try_from(settings.new_bucket.as_millis()).unwrap_or(u64::MAX),
        "quotas": settings.quotas,
        "stack_ms": u64::try_from(settings.stacks.takes.as_millis()).unwrap_or(u64::MAX),
        "stack_failures": settings.stacks.failures,
    })
}
