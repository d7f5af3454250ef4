//! Whatever the files of an artifact hold, reading them ends, takes little, and what it lets through is within the
//! limits.

use super::*;
use sluice_testkit::fuzz::{self, Seeds};

use proptest::prelude::*;

const MANIFEST: &str = include_str!("../../../scaffold/fixture/sam/sluice-manifest.json");
const WORDS: &[&str] = &[
    "Ref",
    "Fn::Sub",
    "Fn::Join",
    "Fn::GetAtt",
    "Fn::If",
    "${Stage}",
    "${a}",
    "${!x}",
    "${Hello.Arn}",
    "${",
    "AWS::Region",
    "AWS::StackName",
    "HttpApi",
    "$default",
    "Properties",
    "Type",
    "Path",
    "Method",
    "/a/{b+}",
    "GET",
    "Variables",
    "Policies",
    "Statement",
    "Effect",
    "Allow",
    "Action",
    "NotAction",
    "Resource",
    "*",
    "Globals",
    "Function",
    "Environment",
    "Parameters",
    "Default",
    "AllowedValues",
    "CommaDelimitedList",
    "Number",
    "1e400",
    "-1",
    "{{resolve:ssm:x}}",
    "null",
    "[",
    "]",
    "{",
    "}",
    "{\"Fn::Sub\": [\"${a}${a}${a}${a}\", {\"a\": ",
    "{\"Fn::Join\": [\",\", [",
    "\"",
    ",",
    ":",
    "\\u0000",
    "\n",
    "  ",
    "- ",
    "&a",
    "*a",
    "<<: ",
    "!Sub",
    "|",
    ">",
    "? ",
    "#",
    "---",
    "%",
    "é",
    "🧨",
    "\u{202e}",
    "\u{feff}",
];

fn seeds() -> Seeds {
    let laughs =
        env(json!({ "A": { "Fn::Sub": ["${a}${a}", { "a": { "Fn::Sub": ["${a}${a}", { "a": "x" }] } }] } }));
    let statement = json!({ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": { "Fn::Sub": "arn:${AWS::Partition}:s3:::b" } });
    let policy = json!({ "PolicyName": "p", "PolicyDocument": { "Statement": [statement] } });
    let uri = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/${Hello.Arn}/invocations";
    let route =
        json!({ "x-amazon-apigateway-integration": { "type": "aws_proxy", "uri": { "Fn::Sub": uri } } });
    let rich = template(json!({
        "Hello": function(json!({
            "Environment": { "Variables": { "ZONES": { "Fn::Join": [",", { "Ref": "Zones" }] }, "ARN": { "Fn::GetAtt": ["Hello", "Arn"] } } },
        })),
        "HelloRole": role(json!({ "Policies": [policy] })),
        "Api": { "Type": "AWS::ApiGatewayV2::Api", "Properties": { "Body": { "paths": { "/a/{b+}": { "get": route } } } } },
    }));
    Seeds::new(&[&laughs.to_string(), &rich.to_string()], WORDS)
}

#[test]
fn fuzz_template() {
    fuzz::run("template", &fuzz::damaged(&seeds()), |packaged| {
        // Pins whatever the template names, which lets functions through to the end.
        let manifest = manifest_of(&serde_json::from_str(&packaged).unwrap_or_default());
        match World::new().read_as(&packaged, &manifest) {
            Ok(app) => {
                let produced: usize = app
                    .functions
                    .values()
                    .flat_map(|function| function.environment.values().map(String::len))
                    .sum();
                prop_assert!(produced <= LARGEST_FILE && app.functions.len() <= MOST_FUNCTIONS);
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty() && errors.len() <= 1_000);
                prop_assert!(errors.iter().all(|error| error.problem.chars().count() <= 401));
            }
        }
        Ok(())
    });
}

#[test]
fn fuzz_manifest() {
    let seeds = Seeds::new(
        &[MANIFEST],
        &["null", "\"", "{", "}", ",", "schema", "functions", "version", "1", "é", "[", "]"],
    );
    fuzz::run("manifest", &fuzz::damaged(&seeds), |text| {
        match Manifest::parse(&text) {
            Ok(manifest) => prop_assert!(manifest.functions.len() <= MOST_FUNCTIONS),
            Err(error) => prop_assert!(error.problem.chars().count() <= 2_100),
        }
        Ok(())
    });
}
