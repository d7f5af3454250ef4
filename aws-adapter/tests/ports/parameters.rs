//! Secrets in Systems Manager on the wire: what is sent, and what the emulator keeps.

use std::collections::BTreeSet;

use sluice_commands::ports::{SecretText, StoredParameter, Tags};
use sluice_model::Class;

use crate::harness::ministack::Ministack;
use crate::harness::recorded_server::{RecordedServer, json};
use crate::harness::{aws, summary, target};

const NAME: &str = "/sluice/orders/prod/API_KEY";

fn tags() -> Tags {
    Tags::from([("sluice:pipeline".into(), "orders".into()), ("sluice:stage".into(), "prod".into())])
}

fn value() -> SecretText {
    SecretText::new("hunter2")
}

#[tokio::test]
async fn a_new_secret_has_tags_and_a_replaced_one_is_overwritten_without() {
    let server = RecordedServer::answering(vec![
        json(200, r#"{"Version":1,"Tier":"Standard"}"#),
        json(400, r#"{"__type":"ParameterAlreadyExists","message":"The parameter already exists."}"#),
        json(200, r#"{"Version":2,"Tier":"Standard"}"#),
    ]);
    let port = aws(&server.url).await.parameters;
    assert_eq!(port.create_secret(&target(), NAME, &value(), &tags()).await, Ok(1));
    let again = port.create_secret(&target(), NAME, &value(), &tags()).await.unwrap_err();
    assert_eq!(summary(&again), ("ssm:PutParameter", Class::Conflict, "ParameterAlreadyExists"));
    assert!(!again.to_string().contains("hunter2"), "{again}");
    assert_eq!(port.replace_secret(&target(), NAME, &value()).await, Ok(2));
    let bodies: Vec<serde_json::Value> =
        server.requests().iter().map(|request| serde_json::from_str(&request.body).expect("JSON")).collect();
    assert_eq!(bodies[0]["Type"], "SecureString");
    assert_eq!((&bodies[0]["Value"], &bodies[0]["Tier"]), (&"hunter2".into(), &"Standard".into()));
    assert_eq!(bodies[0]["Tags"].as_array().map(Vec::len), Some(2));
    assert!(bodies[0].get("Overwrite").is_none() && bodies[0].get("KeyId").is_none(), "{}", bodies[0]);
    // AWS refuses tags with Overwrite.
    assert_eq!((&bodies[2]["Overwrite"], bodies[2].get("Tags")), (&true.into(), None));
}

#[tokio::test]
async fn what_does_not_exist_has_no_tags_and_is_not_deleted() {
    let server = RecordedServer::answering(vec![
        json(400, r#"{"__type":"InvalidResourceId","message":"The resource ID is not valid."}"#),
        json(400, r#"{"__type":"ParameterNotFound"}"#),
    ]);
    let port = aws(&server.url).await.parameters;
    assert_eq!(port.parameter_tags(&target(), NAME).await, Ok(None));
    assert_eq!(port.delete_parameter(&target(), NAME).await, Ok(false));
}

#[tokio::test]
async fn a_list_has_all_pages_and_asks_for_no_value() {
    let server = RecordedServer::answering(vec![
        json(
            200,
            r#"{"Parameters":[{"Name":"/sluice/orders/prod/B","Version":3,"LastModifiedDate":1772366400.5}],"NextToken":"t"}"#,
        ),
        json(200, r#"{"Parameters":[{"Name":"/sluice/orders/prod/A","Version":1}]}"#),
    ]);
    let port = aws(&server.url).await.parameters;
    let found = port.parameters_below(&target(), "/sluice/orders/prod/").await.expect("a list");
    let found: Vec<_> = found.iter().map(|info| (info.name.as_str(), info.version)).collect();
    assert_eq!(found, [("/sluice/orders/prod/A", 1), ("/sluice/orders/prod/B", 3)]);
    for request in server.requests() {
        assert_eq!(request.header("x-amz-target"), Some("AmazonSSM.DescribeParameters"));
        assert!(request.body.contains(r#""Values":["/sluice/orders/prod"]"#), "{}", request.body);
    }
}

fn plain(value: &str, version: i64, is_list: bool) -> StoredParameter {
    StoredParameter::Plain { value: value.into(), version, is_list }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn plain_values_are_found_by_what_was_asked_and_secrets_are_not_read() {
    const ARN: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter/shared";
    let server = RecordedServer::answering(vec![json(
        200,
        r#"{"Parameters":[
            {"Name":"/a","Type":"String","Value":"x","Version":4},
            {"Name":"/b","Type":"StringList","Value":"x,y","Version":2,"Selector":":2"},
            {"Name":"/shared","ARN":"arn:aws:ssm:eu-central-1:123456789012:parameter/shared","Type":"String","Value":"z","Version":1},
            {"Name":"/secret","Type":"SecureString","Value":"AQICAHh","Version":1}
        ],"InvalidParameters":["/none"]}"#,
    )]);
    let port = aws(&server.url).await.parameters;
    let asked = names(&["/a", "/b:2", "/none", "/secret", ARN]);
    let found = port.plain_parameters(&target(), &asked).await.expect("values");
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["/a", "/b:2", "/secret", ARN]);
    assert_eq!((&found["/a"], &found["/b:2"]), (&plain("x", 4, false), &plain("x,y", 2, true)));
    assert_eq!((&found["/secret"], &found[ARN]), (&StoredParameter::Secret, &plain("z", 1, false)));
    let body: serde_json::Value = serde_json::from_str(&server.requests()[0].body).expect("JSON");
    assert_eq!(body["WithDecryption"], false);
}

#[tokio::test]
async fn a_name_that_may_not_be_read_is_denied() {
    let server = RecordedServer::answering(vec![json(
        400,
        r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized to perform: ssm:GetParameters on resource: y"}"#,
    )]);
    let port = aws(&server.url).await.parameters;
    let error = port.plain_parameters(&target(), &names(&["/a"])).await.unwrap_err();
    assert_eq!(summary(&error), ("ssm:GetParameters", Class::Denied, "AccessDeniedException"));
}

#[tokio::test]
async fn the_emulator_keeps_a_secret_until_it_is_deleted() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.parameters;
    // AWS refuses the id of what does not exist.
    assert_eq!(port.parameter_tags(&target(), NAME).await, Ok(Some(Tags::new())));
    port.create_secret(&target(), NAME, &value(), &tags()).await.expect("a secret");
    let again = port.create_secret(&target(), NAME, &value(), &tags()).await.unwrap_err();
    assert_eq!(again.class, Class::Conflict);
    assert_eq!(port.replace_secret(&target(), NAME, &value()).await, Ok(2));
    let found = port.plain_parameters(&target(), &names(&[NAME, "/none"])).await.expect("values");
    assert_eq!(found, [(NAME.to_owned(), StoredParameter::Secret)].into());
    assert_eq!(port.parameter_tags(&target(), NAME).await, Ok(Some(tags())));
    let found = port.parameters_below(&target(), "/sluice/orders/prod/").await.expect("a list");
    assert_eq!((found.len(), found[0].name.as_str(), found[0].version), (1, NAME, 2));
    assert!(found[0].changed.is_some());
    assert_eq!(port.parameters_below(&target(), "/sluice/orders/pro/").await.map(|all| all.len()), Ok(0));
    assert_eq!(port.delete_parameter(&target(), NAME).await, Ok(true));
    assert_eq!(port.delete_parameter(&target(), NAME).await, Ok(false));
}
