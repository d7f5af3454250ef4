//! Settings of the whole account, which Sluice drops with what only they use.

use serde_json::json;

use super::rules::{refused, split, typed};
use super::*;

/// As the CDK adds them to a REST API.
fn account_setting(rest: &Value) -> Value {
    let mut resources = json!({
        "Api": typed("AWS::ApiGateway::RestApi", json!({ "Name": "orders" })),
        "ApiLogs": typed("AWS::IAM::Role", json!({ "AssumeRolePolicyDocument": {} })),
        "ApiAccount": typed("AWS::ApiGateway::Account", json!({ "CloudWatchRoleArn": { "Fn::GetAtt": ["ApiLogs", "Arn"] } })),
        "Get": typed("AWS::ApiGateway::Method", json!({ "RestApiId": { "Ref": "Api" } })),
    });
    resources["ApiAccount"]["DependsOn"] = json!(["Api"]);
    resources["Get"]["DependsOn"] = json!(["ApiAccount", "Api"]);
    let (resources_map, rest) = (resources.as_object_mut().unwrap(), rest.as_object().unwrap());
    resources_map.extend(rest.clone());
    resources
}

#[test]
fn a_setting_of_the_account_is_dropped_with_what_only_it_uses() {
    let policy = |roles: Value| typed("AWS::IAM::Policy", json!({ "Roles": roles }));
    let (logs, other) = (json!({ "Ref": "ApiLogs" }), json!({ "Ref": "Other" }));
    let arn = json!({ "Fn::GetAtt": ["ApiLogs", "Arn"] });
    let other_role = typed("AWS::IAM::Role", json!({}));
    let (account, role) = ("ApiAccount", "ApiLogs");
    let table: Vec<(Value, Vec<&str>)> = vec![
        (json!({}), vec![account, role]),
        (json!({ "Own": policy(json!([logs])) }), vec![account, role, "Own"]),
        (
            json!({ "Own": policy(json!([logs])), "Shared": policy(json!([logs, other])), "Other": other_role }),
            vec![account],
        ),
        (json!({ "Job": typed("AWS::Glue::Job", json!({ "Role": arn })) }), vec![account]),
        (
            json!({ "Second": typed("AWS::ApiGateway::Account", json!({ "CloudWatchRoleArn": arn })) }),
            vec![account, role, "Second"],
        ),
    ];
    for (rest, expected) in table {
        let split = split(account_setting(&rest));
        let dropped = ids(&split, |part| *part == Part::Dropped(Why::AccountSetting));
        assert_eq!(dropped, expected.iter().copied().collect::<BTreeSet<_>>(), "{rest}");
        let all: BTreeSet<String> = expected.iter().map(|id| (*id).to_owned()).collect();
        assert!(split.notices.contains(&Notice::Dropped(all)), "{:?}", split.notices);
    }
}

#[test]
fn a_role_of_the_account_that_an_output_names_stays() {
    let mut whole = json!({ "Resources": account_setting(&json!({})) });
    whole["Outputs"] = json!({ "Role": { "Value": { "Fn::GetAtt": ["ApiLogs", "Arn"] } } });
    let split = World::new().split(&whole).unwrap();
    assert_eq!(split.part("ApiLogs"), Some(&Part::Stack));
    assert_eq!(split.part("ApiAccount"), Some(&Part::Dropped(Why::AccountSetting)));
}

#[test]
fn a_property_that_names_a_setting_of_the_account_is_refused() {
    let parameter = typed("AWS::SSM::Parameter", json!({ "Value": { "Ref": "ApiAccount" } }));
    let found = refused(account_setting(&json!({ "Note": parameter })));
    assert!(found.contains("belongs to the whole account and region"), "{found}");
}
