//! Names of further stages.

use super::*;
use crate::plain::tests::World;

/// What renaming a template for a further stage gives, with its stack.
fn renamed(template: &Value) -> Renamed {
    let world = World::new();
    let Stacked { template, split, .. } = stacked(&world, template).unwrap();
    super::super::rename(&template, &split, StageNames::Further(world.stage().name))
}

fn named(environment: Value, others: Value) -> Value {
    let mut template = with(json!({
        "Orders": typed("AWS::DynamoDB::Table", json!({ "TableName": "orders" })),
        "Mail": typed("AWS::SQS::Queue", json!({ "QueueName": "mail.fifo" })),
        "Data": typed("AWS::S3::Bucket", json!({ "BucketName": { "Fn::Sub": "${AWS::AccountId}-data" } })),
    }));
    template["Resources"]["Fn"]["Properties"]["Environment"] = json!({ "Variables": environment });
    for (id, resource) in others.as_object().unwrap() {
        template["Resources"][id] = resource.clone();
    }
    template
}

fn pairs(renamed: &Renamed) -> Vec<(&str, &str)> {
    renamed.renames.iter().map(|rename| (rename.from.as_str(), rename.to.as_str())).collect()
}

#[test]
fn a_name_is_changed_wherever_it_means_the_resource() {
    let statement = json!({ "Statement": [{ "Resource": [
        "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/index/*",
        { "Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/orders" },
        { "Fn::Sub": "arn:aws:s3:::${AWS::AccountId}-data/*" },
        { "Fn::Sub": "arn:aws:s3:::${Orders}" },
        "arn:aws:sqs:eu-central-1:123456789012:orders",
    ] }] });
    let found = renamed(&named(
        json!({ "TABLE": "orders", "LIST": "x,orders", "OTHER": "orders-archive", "BUCKET": { "Fn::Sub": "s3://${AWS::AccountId}-data" }, "MAIL": "mail.fifo" }),
        json!({
            "Policy": typed("AWS::IAM::ManagedPolicy", json!({ "PolicyDocument": statement })),
            "Source": typed("AWS::AppSync::DataSource", json!({ "DynamoDBConfig": { "TableName": "orders" }, "Description": "all orders" })),
            "Api": typed("AWS::ApiGatewayV2::Api", json!({ "Body": { "paths": { "/orders": { "x": "/orders" } } } })),
        }),
    ));
    assert_eq!(
        pairs(&found),
        [
            ("123456789012-data", "123456789012-data-prod"),
            ("mail.fifo", "mail-prod.fifo"),
            ("orders", "orders-prod")
        ]
    );
    let properties = |id: &str| json!(found.template.resources[id].properties);
    assert_eq!(properties("Orders")["TableName"], "orders-prod");
    assert_eq!(properties("Data")["BucketName"], json!({ "Fn::Sub": "${AWS::AccountId}-data-prod" }));
    assert_eq!(
        properties("Fn")["Environment"]["Variables"],
        json!({ "TABLE": "orders-prod", "LIST": "x,orders-prod", "OTHER": "orders-archive", "BUCKET": { "Fn::Sub": "s3://${AWS::AccountId}-data-prod" }, "MAIL": "mail-prod.fifo" })
    );
    assert_eq!(
        properties("Policy")["PolicyDocument"]["Statement"][0]["Resource"],
        json!([
            "arn:aws:dynamodb:eu-central-1:123456789012:table/orders-prod/index/*",
            { "Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/orders-prod" },
            { "Fn::Sub": "arn:aws:s3:::${AWS::AccountId}-data-prod/*" },
            { "Fn::Sub": "arn:aws:s3:::${Orders}" },
            "arn:aws:sqs:eu-central-1:123456789012:orders",
        ])
    );
    assert_eq!(properties("Source")["DynamoDBConfig"]["TableName"], "orders-prod");
    assert_eq!(properties("Api")["Body"], json!({ "paths": { "/orders": { "x": "/orders" } } }));
    let places = [("Api", "Body"), ("Policy", "PolicyDocument")];
    let places = places.map(|(id, property)| (id.to_owned(), property.to_owned())).into();
    let also = Question::AlsoElsewhere { logical_id: "Orders".into(), name: "orders".into(), places };
    assert_eq!(found.questions, [also]);
}

#[test]
fn resources_of_two_types_may_have_one_name() {
    let statement = json!({ "Statement": [{ "Resource": [
        "arn:aws:dynamodb:eu-central-1:123456789012:table/orders",
        "arn:aws:sqs:eu-central-1:123456789012:orders",
        "arn:aws:sns:eu-central-1:123456789012:orders",
    ] }] });
    let found = renamed(&named(
        json!({ "NAME": "orders" }),
        json!({
            "Jobs": typed("AWS::SQS::Queue", json!({ "QueueName": "orders" })),
            "Policy": typed("AWS::IAM::ManagedPolicy", json!({ "PolicyDocument": statement })),
        }),
    ));
    assert_eq!(
        found.template.resources["Policy"].properties["PolicyDocument"]["Statement"][0]["Resource"],
        json!([
            "arn:aws:dynamodb:eu-central-1:123456789012:table/orders-prod",
            "arn:aws:sqs:eu-central-1:123456789012:orders-prod",
            "arn:aws:sns:eu-central-1:123456789012:orders",
        ])
    );
    let environment = &found.template.resources["Fn"].properties["Environment"];
    assert_eq!(environment["Variables"]["NAME"], "orders-prod");
}

#[test]
fn data_whose_name_only_the_code_can_hold_is_asked_about() {
    // Services write to a log group, and no code.
    let log = typed("AWS::Logs::LogGroup", json!({ "LogGroupName": "access" }));
    let found = renamed(&named(json!({}), json!({ "Access": log })));
    assert!(pairs(&found).contains(&("access", "access-prod")));
    let asked: BTreeSet<&str> = found
        .questions
        .iter()
        .map(|question| match question {
            Question::NameInCode { logical_id, .. } | Question::AlsoElsewhere { logical_id, .. } => {
                logical_id.as_str()
            }
        })
        .collect();
    assert_eq!(asked, BTreeSet::from(["Data", "Mail", "Orders"]));
}

#[test]
fn the_first_stage_keeps_its_names_and_exports_of_others_are_changed() {
    let mut template = named(json!({}), json!({}));
    template["Outputs"] = json!({ "Url": { "Value": "x", "Export": { "Name": "orders-url" } } });
    let Stacked { template: plain, split, .. } = stacked(&World::new(), &template).unwrap();
    let first = super::super::rename(&plain, &split, StageNames::First);
    assert_eq!((&first.template, first.renames.len()), (&plain, 0));
    let further = renamed(&template);
    assert_eq!(further.template.outputs["Url"].export, Some(json!("orders-url-prod")));
}

#[test]
fn what_belongs_to_one_stage_is_refused_on_others() {
    let mut template = with(json!({
        "Record": typed("AWS::Route53::RecordSet", json!({ "Name": "api.example.org" })),
        "ByParameter": typed("AWS::Route53::RecordSet", json!({ "Name": { "Fn::Sub": "${Stage}.example.org" } })),
        "Site": typed("AWS::CloudFront::Distribution", json!({ "DistributionConfig": { "Aliases": ["example.org"] } })),
        "Plain": typed("AWS::CloudFront::Distribution", json!({ "DistributionConfig": {} })),
    }));
    template["Outputs"] = json!({});
    let refused: Vec<String> =
        renamed(&template).refused.into_iter().map(|refused| refused.logical_id).collect();
    assert_eq!(refused, ["Record", "Site"]);
}

#[test]
fn equal_names_of_two_stages_are_found_whatever_they_are_made_from() {
    let mut template = with(json!({
        "Fixed": typed("AWS::SQS::Queue", json!({ "QueueName": "mail" })),
        "Set": typed("AWS::DynamoDB::Table", json!({ "TableName": { "Ref": "Name" } })),
        "Own": typed("AWS::SNS::Topic", json!({ "TopicName": { "Ref": "AWS::StackName" } })),
    }));
    template["Parameters"]["Name"] = json!({ "Type": "String", "Default": "orders" });
    let of = |name: &str| stacked(&World::new().with("Name", name), &template).unwrap();
    let (own, other) = (of("a"), of("b"));
    let names = |own: &Stacked, other: &Stacked| {
        let found = clashes((&own.template, &own.split), (&other.template, &other.split));
        found.into_iter().map(|clash| clash.logical_id).collect::<Vec<_>>()
    };
    assert_eq!(names(&own, &other), ["Fixed", "Own"], "the same stage name, so the same stack name");
    assert_eq!(names(&own, &of("a")), ["Fixed", "Own", "Set"]);
}
