//! Whatever the three files of an artifact hold, reading them ends, takes little, and what it lets through is within the
//! limits.

use super::*;
use sluice_testkit::fuzz::{self, Seeds};

use proptest::prelude::*;

const PACKAGED: &str = include_str!("../../../scaffold/fixture/packaged.json");
const ORIGINAL: &str = include_str!("../../../scaffold/fixture/template.yaml");
const MANIFEST: &str = include_str!("../../../scaffold/fixture/sluice-manifest.json");
const FIXTURES_BUCKET: &str = "sluice-123456789012-us-east-1";
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
    let rich = template(json!({
        "Hello": function(json!({
            "Policies": { "Statement": [{ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": { "Fn::Sub": "arn:${AWS::Partition}:s3:::b" } }] },
            "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/a/{b+}", "Method": "get" } } },
            "Environment": { "Variables": { "ZONES": { "Fn::Join": [",", { "Ref": "Zones" }] }, "ARN": { "Fn::GetAtt": ["Hello", "Arn"] } } },
        })),
    }));
    let scaffold = PACKAGED.replace(FIXTURES_BUCKET, BUCKET);
    Seeds::new(&[&scaffold, &laughs.to_string(), &rich.to_string()], WORDS)
}

/// A manifest with whatever code the functions name.
fn pinned(template: &Value) -> Manifest {
    let uris = template["Resources"].as_object().into_iter().flatten().filter_map(|(id, resource)| {
        let (bucket, key) =
            resource["Properties"]["CodeUri"].as_str()?.strip_prefix("s3://")?.split_once('/')?;
        let code =
            CodeRef { bucket: bucket.into(), key: key.into(), version: "v1".into(), sha256: SHA.into() };
        Some((id.clone(), code))
    });
    Manifest { functions: uris.collect() }
}

#[test]
fn fuzz_template() {
    let originals = Seeds::new(&[ORIGINAL, "a: &a [b, c]\nd: *a\n", PACKAGED], WORDS);
    let inputs = (fuzz::damaged(&seeds()), fuzz::damaged(&originals));
    let mut world = World::new();
    world.pipeline = PipelineName::new("orders").unwrap();
    fuzz::run("template", &inputs, |(packaged, original)| {
        // Pins whatever the template names, which lets functions through to the end.
        let parsed = serde_json::from_str::<Value>(&packaged).unwrap_or_default();
        let manifest = pinned(&parsed);
        match read(&packaged, &original, &manifest, &world.deploying()) {
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
