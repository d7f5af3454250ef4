//! Small templates of the kinds of resources that touch each other. A resource refers to those before it in the list, and to functions,
//! so no template has a circle.

use proptest::prelude::*;
use serde_json::Map;

use super::*;

const IDS: [&str; 18] = [
    "Q0", "Q1", "F0", "F1", "R0", "I0", "V0", "A0", "S0", "T0", "B0", "X0", "U0", "M0", "D0", "C0", "P0",
    "P1",
];

/// A resource of the kind that an id stands for. `pick` chooses what it refers to, and its last number one of its properties.
fn resource(id: &str, pick: &[usize], present: &[&str]) -> Value {
    let rank = |id: &str| IDS.iter().position(|known| *known == id);
    let of = |kinds: &str, n: usize| -> Option<String> {
        let is_before = |other: &str| other.starts_with('F') || rank(other) < rank(id);
        let fits = |other: &&&str| {
            kinds.contains(other.get(..1).unwrap_or_default()) && **other != id && is_before(other)
        };
        let fitting: Vec<&&str> = present.iter().filter(fits).collect();
        (!fitting.is_empty()).then(|| fitting[pick[n] % fitting.len()].to_string())
    };
    let arn = |id: Option<String>| id.map_or(json!("literal"), |id| json!({ "Fn::GetAtt": [id, "Arn"] }));
    let name = |id: Option<String>| id.map_or(json!("literal"), |id| json!({ "Ref": id }));
    let function = |n: usize| of("F", n).or(Some("F0".into()));
    let qualified = |n: usize| {
        let id = function(n).unwrap();
        json!({ "Fn::Sub": format!("${{{id}.Arn}}{}", ["", ":live", ":$LATEST", ":12"][pick[2] % 4]) })
    };
    let variant = pick[3] % 3;
    let secret = json!({ "Fn::If": ["Later", { "Ref": "Secret" }, { "Fn::FindInMap": ["M", { "Ref": "Image" }, "a"] }] });
    let (kind, properties) = match id.get(..1).unwrap_or_default() {
        "Q" => ("AWS::SQS::Queue", json!({ "VisibilityTimeout": variant })),
        "F" => (
            "AWS::Lambda::Function",
            json!({
                "FunctionName": format!("given-{id}"),
                "Role": arn(of("RI", 0)),
                "Environment": { "Variables": { "A": name(of("QTBP", 1)), "B": arn(of("QX", 2)), "C": arn(of("F", 0)) } },
            }),
        ),
        "R" | "I" => (
            "AWS::IAM::Role",
            json!({ "Policies": [{ "PolicyDocument": { "Resource": arn(of("QF", 0)) } }] }),
        ),
        "V" => ("AWS::Lambda::Version", json!({ "FunctionName": name(function(0)) })),
        "A" => ("AWS::ApiGatewayV2::Api", json!({ "Body": { "uri": arn(of("F", 0)) } })),
        "S" => ("AWS::ApiGatewayV2::Stage", json!({ "ApiId": name(of("A", 0)), "StageName": "live" })),
        "T" => {
            ("AWS::SNS::Topic", json!({ "Subscription": [{ "Endpoint": arn(of("QF", 0)), "X": variant }] }))
        }
        "B" => (
            "AWS::S3::Bucket",
            json!({ "NotificationConfiguration": { "X": arn(of("F", 0)) }, "Y": variant }),
        ),
        "X" => (
            "AWS::StepFunctions::StateMachine",
            json!({ "RoleArn": arn(of("I", 0)), "DefinitionString": qualified(1), "Y": variant }),
        ),
        "U" => ("AWS::Lambda::Url", json!({ "TargetFunctionArn": name(of("FV", 0).or(Some("F0".into()))) })),
        "M" => (
            "AWS::Lambda::EventSourceMapping",
            json!({ "FunctionName": name(of("FV", 0).or(Some("F0".into()))), "X": arn(of("Q", 1)), "Y": variant }),
        ),
        "D" => (
            "AWS::Lambda::Permission",
            json!({ "FunctionName": name(of("FV", 0).or(Some("F0".into()))), "SourceArn": arn(of("BT", 1)) }),
        ),
        "C" => {
            ("Custom::X", json!({ "ServiceToken": arn(function(0)), "X": name(of("FQUM", 1)), "Y": variant }))
        }
        _ => (
            "AWS::SSM::Parameter",
            json!({ "Value": [name(of("QTBXUMDF", 0)), qualified(1), name(of("AS", 2))], "Y": if variant == 0 { secret } else { variant.into() } }),
        ),
    };
    let depends: Vec<&&str> =
        present.iter().filter(|other| rank(other) < rank(id)).take(pick[0] % 3).collect();
    json!({ "Type": kind, "Properties": properties, "DependsOn": depends })
}

/// A template with `F0` and some others.
pub(super) fn any_template() -> impl Strategy<Value = Value> {
    let picks = prop::collection::vec(prop::collection::vec(0usize..12, 4), IDS.len());
    let outputs = prop::collection::vec((0usize..IDS.len(), any::<bool>()), 0..4);
    (prop::collection::vec(any::<bool>(), IDS.len()), picks, outputs).prop_map(|(chosen, picks, outputs)| {
        let chosen = IDS.iter().zip(&chosen).filter(|(id, chosen)| **chosen || **id == "F0");
        let present: Vec<&str> = chosen.map(|(id, _)| *id).collect();
        let resources: Map<String, Value> = IDS
            .iter()
            .zip(&picks)
            .filter(|(id, _)| present.contains(id))
            .map(|(id, pick)| ((*id).to_owned(), resource(id, pick, &present)))
            .collect();
        let outputs = outputs.into_iter().filter_map(|(nth, is_exported)| {
            let id = IDS.get(nth).filter(|id| present.contains(id) && !id.starts_with(['R', 'I', 'V']))?;
            let mut output = json!({ "Value": { "Ref": id } });
            if is_exported {
                output["Export"] = json!({ "Name": format!("export-{id}") });
            }
            Some((format!("Of{id}"), output))
        });
        json!({
            "Parameters": {
                "Secret": { "Type": "String", "NoEcho": true, "Default": "hunter22" },
                "Image": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image" },
            },
            "Mappings": { "M": { "x": { "a": "b" } } },
            "Conditions": { "Later": { "Fn::Equals": [{ "Ref": "Image" }, "x"] } },
            "Resources": resources,
            "Outputs": outputs.collect::<Map<_, _>>(),
        })
    })
}

/// Logical ids, as something that a release refers to.
pub(super) fn any_ids() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set(prop::sample::select(IDS.to_vec()).prop_map(str::to_owned), 0..6)
}
