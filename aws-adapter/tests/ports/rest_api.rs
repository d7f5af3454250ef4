//! REST APIs: the requests that an emulator does not judge, and the answers that it does not give.

use std::collections::BTreeMap;

use sluice_commands::ports::{
    Api, ApiSettings, ApiStage, ApiStageSettings, EndpointType, SettingsChange, StageChange, Tags,
};
use sluice_model::Class;

use crate::harness::recorded_server::{RecordedServer, json};
use crate::harness::{aws, target};

#[tokio::test]
async fn an_import_overwrites_and_passes_parameters_on() {
    let server =
        RecordedServer::answering(vec![json(200, r#"{"id":"r1","warnings":["Ignoring response model"]}"#)]);
    let parameters = BTreeMap::from([("endpointConfigurationTypes".to_owned(), "REGIONAL".to_owned())]);
    let port = aws(&server.url).await.rest_gateway;
    let warnings = port.import_api(&target(), "r1", r#"{"swagger":"2.0"}"#, &parameters).await;
    assert_eq!(warnings, Ok(vec!["Ignoring response model".to_owned()]));
    let request = server.requests().remove(0);
    assert!(request.line.starts_with("PUT /restapis/r1?"), "{request:?}");
    for parameter in ["mode=overwrite", "failonwarnings=false", "endpointConfigurationTypes=REGIONAL"] {
        assert!(request.line.contains(parameter), "{parameter}: {request:?}");
    }
    assert_eq!(request.body, r#"{"swagger":"2.0"}"#, "the document itself");
}

#[tokio::test]
async fn a_new_api_has_its_endpoint_type_from_the_start() {
    let server =
        RecordedServer::answering(vec![json(201, r#"{"id":"r1","name":"orders","tags":{"a":"b"}}"#)]);
    let settings = ApiSettings {
        endpoint_type: Some(EndpointType::Private),
        vpc_endpoints: Some(["vpce-1".to_owned()].into()),
        ..ApiSettings::default()
    };
    let tags = Tags::from([("a".into(), "b".into())]);
    let port = aws(&server.url).await.rest_gateway;
    let api = port.create_api(&target(), "orders", &tags, &settings).await;
    let endpoint = format!("{}/_aws/execute-api/r1", server.url);
    assert_eq!(api, Ok(Api { id: "r1".into(), name: "orders".into(), endpoint, tags }));
    let sent: serde_json::Value = serde_json::from_str(&server.requests()[0].body).expect("JSON");
    assert_eq!(
        sent["endpointConfiguration"],
        serde_json::json!({ "types": ["PRIVATE"], "vpcEndpointIds": ["vpce-1"] })
    );
}

#[tokio::test]
async fn a_stage_moves_with_one_update_that_removes_only_variables_that_it_has() {
    let stage = r#"{"stageName":"Prod","deploymentId":"d1","variables":{"Hello":"6","Old":"3"}}"#;
    let moved = r#"{"stageName":"Prod","deploymentId":"d2","variables":{"Hello":"7"}}"#;
    let server = RecordedServer::answering(vec![json(200, stage), json(200, moved)]);
    let port = aws(&server.url).await.rest_gateway;
    let wanted = [("Gone", ""), ("Hello", "7"), ("Old", "")];
    let variables = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let change = StageChange { deployment: "d2".into(), variables, settings: SettingsChange::default() };
    let answer = port.update_stage(&target(), "r1", "Prod", &change).await.expect("a stage");
    let variables = BTreeMap::from([("Hello".to_owned(), "7".to_owned())]);
    let settings = ApiStageSettings::default();
    assert_eq!(answer, ApiStage { name: "Prod".into(), deployment: Some("d2".into()), variables, settings });
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[1].line.starts_with("PATCH /restapis/r1/stages/Prod "), "{requests:?}");
    assert_eq!(
        requests[1].body,
        r#"{"patchOperations":[{"op":"replace","path":"/deploymentId","value":"d2"},{"op":"replace","path":"/variables/Hello","value":"7"},{"op":"remove","path":"/variables/Old"}]}"#
    );
}

#[tokio::test]
async fn settings_are_read_first_and_only_sent_if_they_differ() {
    let now = r#"{"id":"r1","binaryMediaTypes":["image/png"],"disableExecuteApiEndpoint":false}"#;
    let server = RecordedServer::answering(vec![json(200, now), json(200, now), json(200, "{}")]);
    let port = aws(&server.url).await.rest_gateway;
    let mut settings =
        ApiSettings { binary_media_types: Some(["image/png".to_owned()].into()), ..ApiSettings::default() };
    assert_eq!(port.set_api(&target(), "r1", &settings).await, Ok(()));
    assert_eq!(server.requests().len(), 1, "nothing to change");
    settings.disable_execute_api_endpoint = Some(true);
    assert_eq!(port.set_api(&target(), "r1", &settings).await, Ok(()));
    assert_eq!(
        server.requests()[2].body,
        r#"{"patchOperations":[{"op":"replace","path":"/disableExecuteApiEndpoint","value":"true"}]}"#
    );
}

#[tokio::test]
async fn cors_of_an_http_api_is_restored_as_a_whole() {
    let now = r#"{"apiId":"a1","name":"orders","protocolType":"HTTP"}"#;
    let server = RecordedServer::answering(vec![json(200, now), json(200, now)]);
    let cors = sluice_commands::ports::Cors {
        allow_origins: vec!["https://shop.example".into()],
        ..Default::default()
    };
    let settings = ApiSettings { cors: Some(cors), ..ApiSettings::default() };
    assert_eq!(aws(&server.url).await.gateway.set_api(&target(), "a1", &settings).await, Ok(()));
    let request = server.requests().remove(1);
    assert!(request.line.starts_with("PATCH /v2/apis/a1 "), "{request:?}");
    assert!(request.body.contains(r#""allowOrigins":["https://shop.example"]"#), "{request:?}");
}

#[tokio::test]
async fn lists_have_all_pages() {
    let server = RecordedServer::answering(vec![
        json(200, r#"{"item":[{"id":"d1","description":"one"}],"position":"next"}"#),
        json(200, r#"{"item":[{"id":"d2"}]}"#),
    ]);
    let listed = aws(&server.url).await.rest_gateway.deployments(&target(), "r1").await.expect("a list");
    let ids: Vec<_> = listed.iter().map(|deployment| deployment.id.as_str()).collect();
    assert_eq!(ids, ["d1", "d2"]);
    assert!(server.requests()[1].line.contains("position=next"), "{:?}", server.requests());
}

#[tokio::test]
async fn refusals_have_their_class() {
    let server = RecordedServer::answering(vec![
        json(
            400,
            r#"{"__type":"BadRequestException","message":"Active stages pointing to this deployment must be moved or deleted"}"#,
        ),
        json(404, r#"{"__type":"NotFoundException","message":"Invalid Deployment identifier specified"}"#),
        json(
            400,
            r#"{"__type":"BadRequestException","message":"There is already an update in progress. Please wait."}"#,
        ),
    ]);
    let port = aws(&server.url).await.rest_gateway;
    let served = port.delete_deployment(&target(), "r1", "d1").await.unwrap_err();
    assert_eq!((served.call, served.class), ("apigateway:DeleteDeployment", Class::Conflict));
    assert_eq!(port.delete_deployment(&target(), "r1", "d0").await, Ok(()), "it is gone");
    let busy = port.delete_stage(&target(), "r1", "Prod").await.unwrap_err();
    assert_eq!(busy.class, Class::Busy);
}
