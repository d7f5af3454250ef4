//! Stages of HTTP APIs: the calls by which settings go.

use std::collections::BTreeMap;

use sluice_commands::ports::{ApiStageSettings, SettingsChange, StageChange};
use sluice_model::{ALL_ROUTES, AccessLog, RouteSettings};

use crate::harness::recorded_server::{RecordedServer, json, rest};
use crate::harness::{aws, target};

#[tokio::test]
async fn settings_of_a_route_and_an_access_log_are_deleted_before_the_stage_moves() {
    let moved = r#"{"stageName":"$default","deploymentId":"d2"}"#;
    let gone = rest(404, "NotFoundException", r#"{"message":"Unable to find Route Settings"}"#);
    let server = RecordedServer::answering(vec![gone, json(204, ""), json(200, moved)]);
    let port = aws(&server.url).await.gateway;
    let burst = |burst| RouteSettings { burst: Some(burst), ..RouteSettings::default() };
    let log = AccessLog { destination: "arn:aws:logs:::log-group:a".into(), format: "$context.path".into() };
    let routes = [(ALL_ROUTES.to_owned(), burst(5)), ("GET /a".to_owned(), burst(1))].into();
    let from = ApiStageSettings { access_log: Some(log), traces: false, routes };
    let settings = SettingsChange { from, to: ApiStageSettings::default() };
    let change = StageChange { deployment: "d2".into(), variables: BTreeMap::new(), settings };
    port.update_stage(&target(), "a1", "$default", &change).await.expect("a stage");
    let requests = server.requests();
    let lines: Vec<&str> =
        requests.iter().map(|request| request.line.trim_end_matches(" HTTP/1.1")).collect();
    assert_eq!(
        lines,
        [
            "DELETE /v2/apis/a1/stages/%24default/routesettings/GET%20%2Fa",
            "DELETE /v2/apis/a1/stages/%24default/accesslogsettings",
            "PATCH /v2/apis/a1/stages/%24default",
        ]
    );
    assert_eq!(requests[2].body, r#"{"defaultRouteSettings":{},"deploymentId":"d2","stageVariables":{}}"#);
}
