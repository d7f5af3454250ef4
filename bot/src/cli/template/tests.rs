use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A folder `orders` with files.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::create_dir(folder.path()).unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        folder
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("orders")
    }

    fn page(&self) -> (String, bool) {
        match check(&self.path(), "dev", false).unwrap() {
            Output::Page(text, is_accepted) => (text, is_accepted),
            Output::Error(text) => panic!("{text}"),
        }
    }

    fn json(&self) -> Value {
        match check(&self.path(), "dev", true).unwrap() {
            Output::Page(text, _) => serde_json::from_str(&text).unwrap(),
            Output::Error(text) => panic!("{text}"),
        }
    }

    /// The error about a file of the folder, with the folder's name cut off.
    fn error(&self, file: &str) -> String {
        match check(&self.path().join(file), "dev", false).unwrap() {
            Output::Page(text, _) => panic!("{text}"),
            Output::Error(text) => text.replace(&format!("{}/", self.0.path().display()), ""),
        }
    }
}

/// A function with its role, a table with a stream that triggers it, a table of `prod` only; and a user, which is refused.
fn template() -> Value {
    let assume = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    let table = json!({
        "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamViewType": "NEW_IMAGE" } });
    json!({
        "Parameters": { "Stage": { "Type": "String" } },
        "Conditions": { "IsProd": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] } },
        "Resources": {
            "Hello": { "Type": "AWS::Lambda::Function", "Properties": {
                "Handler": "app.handler", "Runtime": "python3.13", "Role": { "Fn::GetAtt": ["HelloRole", "Arn"] },
                "Code": { "S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v" },
                "Environment": { "Variables": { "TABLE": { "Ref": "Orders" } } } } },
            "HelloRole": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": assume } },
            "HelloLive": { "Type": "AWS::Lambda::Alias", "Properties": {
                "FunctionName": { "Ref": "Hello" }, "FunctionVersion": "1", "Name": "live" } },
            "HelloUrl": { "Type": "AWS::Lambda::Url", "Properties": {
                "AuthType": "NONE", "TargetFunctionArn": { "Fn::GetAtt": ["Hello", "Arn"] } } },
            "Orders": { "Type": "AWS::DynamoDB::Table", "Properties": table },
            "Archive": { "Type": "AWS::S3::Bucket", "Condition": "IsProd" },
            "Stream": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "EventSourceArn": { "Fn::GetAtt": ["Orders", "StreamArn"] }, "FunctionName": { "Ref": "Hello" },
                "StartingPosition": "LATEST" } },
            "Deployer": { "Type": "AWS::IAM::User" }
        }
    })
}

/// The template without what is refused.
fn good_template() -> Value {
    let mut template = template();
    template["Resources"].as_object_mut().unwrap().remove("Deployer");
    template
}

const LINES: &str =
    r#"{"Deployer": {"file": "template.yaml", "line": 41}, "Hello": {"file": "template.yaml", "line": 7}}"#;

#[test]
fn a_page_shows_where_each_resource_belongs_and_a_refusal_with_its_line() {
    let template = template().to_string();
    let folder =
        Folder::with(&[("packaged.json", &template), ("sluice-lines.json", LINES), ("template.yaml", "")]);
    let (page, is_accepted) = folder.page();
    assert!(!is_accepted);
    insta::assert_snapshot!(page);
}

#[test]
fn json_has_the_content_of_the_page() {
    let template = template().to_string();
    let folder = Folder::with(&[("packaged.json", &template), ("sluice-lines.json", LINES)]);
    insta::assert_snapshot!(format!("{:#}", folder.json()));
}

#[test]
fn a_function_of_an_image_is_accepted_and_a_property_that_lambda_refuses_is_not() {
    let mut template = good_template();
    let hello = &mut template["Resources"]["Hello"]["Properties"];
    hello["Code"] = json!({ "ImageUri": { "Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/orders:1" } });
    hello["PackageType"] = "Image".into();
    let page = |template: &Value| Folder::with(&[("packaged.json", &template.to_string())]).page();
    let (text, is_accepted) = page(&template);
    assert!(!is_accepted, "{text}");
    for property in ["Handler", "Runtime"] {
        assert!(text.contains(&format!("Lambda does not take {property} for a container image")), "{text}");
    }
    for property in ["Handler", "Runtime"] {
        template["Resources"]["Hello"]["Properties"].as_object_mut().unwrap().remove(property);
    }
    let (text, is_accepted) = page(&template);
    assert!(is_accepted && text.contains("is a container image") && text.contains("images=NAME"), "{text}");
}

#[test]
fn a_template_without_refusals_is_accepted() {
    let folder = Folder::with(&[("template.json", &good_template().to_string())]);
    let (page, is_accepted) = folder.page();
    assert!(is_accepted, "{page}");
    assert!(!page.contains(messages::REFUSED), "an empty section is printed:\n{page}");
}

#[test]
fn another_stage_has_other_resources() {
    let folder = Folder::with(&[("template.json", &good_template().to_string())]);
    let output = check(&folder.path(), "prod", false).unwrap();
    let Output::Page(page, true) = output else { panic!("{output:?}") };
    assert!(!page.contains(messages::ABSENT), "{page}");
    assert!(check(&folder.path(), "No Stage\u{1b}", false).is_err(), "a name that no stage can have");
}

#[test]
fn a_parameter_without_a_default_is_refused() {
    let mut template = good_template();
    template["Parameters"]["Size"] = json!({ "Type": "Number" });
    let folder = Folder::with(&[("template.json", &template.to_string())]);
    let refused = &folder.json()["refused"];
    assert_eq!(refused.as_array().unwrap().len(), 1, "{refused}");
    assert_eq!(refused[0]["code"], "parameter");
}

#[test]
fn each_unusable_file_has_an_error_of_its_own() {
    let large = format!("{{\"Description\": \"{}\"}}", "x".repeat(1024 * 1024));
    let folder = Folder::with(&[
        ("large.json", &large),
        ("sam.json", r#"{"Transform": "AWS::Serverless-2016-10-31", "Resources": {}}"#),
        ("sam.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n"),
        ("plain.yml", "Resources: {}\n"),
        ("list.json", "[]"),
        ("broken.json", "{"),
    ]);
    fs::write(folder.path().join("binary.json"), [0xff, 0xfe]).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let names = [
        "missing.json",
        "large.json",
        "sam.json",
        "sam.yaml",
        "plain.yml",
        "list.json",
        "broken.json",
        "binary.json",
        "empty",
    ];
    insta::assert_snapshot!(names.map(|name| folder.error(name)).concat());
}

#[test]
fn a_damaged_or_large_map_of_lines_is_an_error() {
    let template = good_template().to_string();
    for lines in ["[]".to_owned(), " ".repeat(1024 * 1024 + 1)] {
        let folder = Folder::with(&[("packaged.json", &template), ("sluice-lines.json", &lines)]);
        let error = folder.error("");
        assert!(error.contains("sluice-lines.json"), "{error}");
    }
}

#[test]
fn a_hostile_template_cannot_control_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\r\nX";
    let mut template = template();
    template["Resources"][evil] = json!({ "Type": evil });
    template["Resources"]["Hello"]["Properties"]["Runtime"] = evil.into();
    template[evil] = json!({ evil: [evil] });
    let mut others = self::template();
    others["Resources"]["Hello"]["Properties"][evil] = evil.into();
    others["Resources"]["Orders"]["Properties"]["ResourcePolicy"] = json!({ "PolicyDocument": { "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": evil }, "Action": "*", "Resource": "*" }] } });
    let lines = json!({ "Hello": { "file": evil, "line": 3 } }).to_string();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for text in [template.to_string(), others.to_string(), evil.to_owned(), deep] {
        let folder = Folder::with(&[("packaged.json", &text), ("sluice-lines.json", &lines)]);
        for json in [false, true] {
            let (Output::Page(shown, _) | Output::Error(shown)) = check(&folder.path(), "dev", json).unwrap();
            let is_bad = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
            assert_eq!(shown.chars().find(is_bad), None, "{shown:?}");
        }
    }
    let (Output::Page(shown, _) | Output::Error(shown)) = check(Path::new(evil), "dev", false).unwrap();
    assert!(!shown.trim_end().contains(char::is_control), "{shown:?}");
}
