//! Calls what runs on a stage: each route once, and each function without a route once.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::report::{Invocation, Report, Request, beginning};
use crate::{Aws, World};

/// The time for one call.
const CALL: Duration = Duration::from_secs(30);
/// A new stage answers late, as on AWS: this many calls, half a second apart.
const TRIES: usize = 12;
/// The methods of a REST API's resource that a request can have.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"];

/// A route of an API.
struct Route {
    method: String,
    path: String,
    url: String,
}

/// Calls everything on a stage of a pipeline, and records it in the report.
pub(super) async fn exercise(
    world: &World,
    pipeline: &str,
    stage: &str,
    report: &mut Report,
) -> Result<(), String> {
    let aws = Aws(world);
    let (mut routes, mut integrations) = (vec![], String::new());
    http_routes(&aws, (pipeline, stage), &mut routes, &mut integrations).await;
    rest_routes(&aws, (pipeline, stage), &mut routes, &mut integrations).await;
    for route in routes {
        report.requests.push(request(world, &route).await);
    }
    let prefix = format!("sluice-{pipeline}-{stage}-");
    for function in aws.functions(pipeline).await {
        if function.starts_with(&prefix) && !integrations.contains(&function) {
            report.invocations.push(invoke(world, &function, stage).await);
        }
    }
    if report.requests.is_empty() && report.invocations.is_empty() {
        return Err("nothing to call: no route and no function".to_owned());
    }
    Ok(())
}

fn is_of(api: &Value, (pipeline, stage): (&str, &str)) -> bool {
    api["tags"]["sluice:pipeline"] == pipeline && api["tags"]["sluice:stage"] == stage
}

fn items(answer: &Value) -> Vec<Value> {
    let items = answer["items"].as_array().or_else(|| answer["item"].as_array());
    items.cloned().unwrap_or_default()
}

async fn http_routes(aws: &Aws<'_>, of: (&str, &str), routes: &mut Vec<Route>, integrations: &mut String) {
    for api in items(&aws.get("apigateway", "/v2/apis").await) {
        let Some(id) = api["apiId"].as_str().filter(|_| is_of(&api, of)) else { continue };
        let found = aws.get("apigateway", &format!("/v2/apis/{id}/integrations")).await;
        integrations.push_str(&found.to_string());
        for route in items(&aws.get("apigateway", &format!("/v2/apis/{id}/routes")).await) {
            let key = route["routeKey"].as_str().unwrap_or_default();
            let (method, path) = key.split_once(' ').unwrap_or(("GET", "/"));
            let url = format!("{}/{id}", aws.0.stages_url());
            routes.push(Route { method: method.to_owned(), path: path.to_owned(), url });
        }
    }
}

async fn rest_routes(aws: &Aws<'_>, of: (&str, &str), routes: &mut Vec<Route>, integrations: &mut String) {
    for api in items(&aws.get("apigateway", "/restapis").await) {
        let Some(id) = api["id"].as_str().filter(|_| is_of(&api, of)) else { continue };
        let stages = items(&aws.get("apigateway", &format!("/restapis/{id}/stages")).await);
        let stage = stages.first().and_then(|stage| stage["stageName"].as_str()).unwrap_or_default();
        let path = format!("/restapis/{id}/resources?embed=methods&limit=500");
        for resource in items(&aws.get("apigateway", &path).await) {
            integrations.push_str(&resource.to_string());
            let methods = resource["resourceMethods"].as_object().cloned().unwrap_or_default();
            for method in methods.keys().filter(|method| METHODS.contains(&method.as_str())) {
                let path = resource["path"].as_str().unwrap_or_default().to_owned();
                let url = format!("{}/{id}/{stage}", aws.0.stages_url());
                routes.push(Route { method: method.clone(), path, url });
            }
        }
    }
}

/// One request, repeated while the stage may not answer yet.
async fn request(world: &World, route: &Route) -> Request {
    let method = if route.method == "ANY" { "GET" } else { &route.method };
    let url = format!("{}{}", route.url, filled_in(&route.path));
    let mut ticks = interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut made = Request { route: format!("{} {}", route.method, route.path), status: None, body: None };
    for _ in 0..TRIES {
        ticks.tick().await;
        let mut call = world.http().request(method.parse().unwrap_or_default(), &url);
        if method != "GET" && method != "DELETE" {
            call = call.header("content-type", "application/json").body("{}");
        }
        let answer = timeout(CALL, async {
            let answer = call.send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.unwrap_or_default()))
        });
        let Ok(Some((status, body))) = answer.await else { return made };
        made.status = Some(status);
        made.body = (status >= 400).then(|| beginning(&body));
        if status < 400 {
            break;
        }
    }
    made
}

/// A path with values in place of its parameters.
fn filled_in(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// One call of a function by the stage's alias.
async fn invoke(world: &World, function: &str, stage: &str) -> Invocation {
    let mut ticks = interval(Duration::from_millis(500));
    let (mut status, mut failed, mut body) = (0, false, String::new());
    for _ in 0..TRIES {
        ticks.tick().await;
        let answer = timeout(CALL, Aws(world).invoke(function, stage, "{}")).await;
        (status, failed, body) = answer.unwrap_or_default();
        // A new alias is not there at once, and a new role may not be called yet.
        if status != 403 && status != 404 {
            break;
        }
    }
    let error = (failed || status >= 400).then(|| beginning(&body));
    Invocation { function: function.to_owned(), status: (status > 0).then_some(status), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_path_have_values() {
        assert_eq!(filled_in("/orders/{id}/{proxy+}"), "/orders/1/1");
        assert_eq!(filled_in("/"), "/");
    }
}
