//! No input makes any part of the reader panic, and all of it ends.

use proptest::prelude::*;

use super::*;
use crate::tests::resembling;

/// JSON that resembles plain templates.
fn any_json() -> impl Strategy<Value = Value> {
    resembling(&[
        "Ref",
        "Fn::Sub",
        "Fn::Join",
        "Fn::GetAtt",
        "Fn::If",
        "Fn::Select",
        "Fn::Split",
        "Fn::FindInMap",
        "Fn::Base64",
        "Fn::Cidr",
        "Fn::GetAZs",
        "Fn::ImportValue",
        "Fn::Equals",
        "Fn::And",
        "Fn::Not",
        "Condition",
        "Stage",
        "Hello",
        "Role",
        "C",
        "M",
        "Arn",
        "Hello.Arn",
        "${Stage}",
        "${!x}",
        "${Hello.Arn}${",
        "AWS::Region",
        "AWS::NoValue",
        "AWS::StackId",
        "{{resolve:ssm:x}}",
        "{{resolve:",
        "10.0.0.0/8",
        "0",
        "1",
        "8",
        "Properties",
        "Type",
        "Variables",
        "Code",
        "Roles",
        "FunctionName",
        "ServiceToken",
        "Body",
        "Statement",
        "Principal",
        "Effect",
        "é",
        "",
        "Default",
        "String",
    ])
}

fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Permission",
        "AWS::IAM::Role",
        "AWS::IAM::Policy",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGatewayV2::Stage",
        "AWS::SQS::Queue",
        "Custom::X",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFormation::Stack",
    ])
}

proptest! {
    #[test]
    fn no_template_makes_it_panic(
        sections in any_json(),
        conditions in any_json(),
        resources in prop::collection::btree_map("[A-C]|Hello|Role", (kind(), any_json()), 0..5),
    ) {
        let resources: Value = resources
            .into_iter()
            .map(|(id, (kind, properties))| (id, json!({ "Type": kind, "Properties": { "FunctionName": properties, "Roles": properties, "Body": properties } })))
            .collect();
        let outputs = json!({ "X": { "Value": sections } });
        let template = with(json!({
            "Parameters": { "Stage": { "Type": "String" } },
            "Mappings": { "M": { "0": { "1": "x" } } },
            "Conditions": { "C": conditions },
            "Resources": resources,
            "Outputs": outputs,
        }));
        let _ = World::new().split(&template);
        let _ = World::new().value(&with(json!({ "Mappings": { "M": { "0": { "1": "x" } } } })), &sections);
        let _ = read(&sections.to_string(), &sources());
    }

    #[test]
    fn no_properties_make_reading_a_function_panic(code in any_json(), environment in any_json(), other in any_json()) {
        let template = json!({ "Resources": { "Hello": { "Type": "AWS::Lambda::Function", "Properties": {
            "Code": code, "Environment": { "Variables": environment }, "Tags": other, "VpcConfig": other,
        } } } });
        if let Ok(template) = read(&template.to_string(), &sources()) {
            let (world, values) = (World::new(), ParameterValues::default());
            let evaluator = Evaluator::new(&template, world.stage(), &values, &later);
            prop_assert!(PlainFunction::read("Hello", &evaluator, &sources()).is_err());
        }
    }

    #[test]
    fn no_text_makes_the_source_map_panic(text in "\\PC{0,60}") {
        let _ = SourceMap::parse(&text);
    }
}
