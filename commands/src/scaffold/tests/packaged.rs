//! What the packager makes of each template, and what a deploy reads of that. `docs/templates.md` says how to make the fixture
//! anew.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Language, orders, text_of};
use sluice_model::{PipelineName, StageName, Target};
use sluice_template::plain::{DirectValues, Stage, StageNames, SystemAnswers};
use sluice_template::{Application, Deploying, Images, KnownValues, Manifest};

/// `template.yaml`, `packaged.json`, `sluice-lines.json` and `sluice-manifest.json` of a service `orders`.
pub(super) type Fixture = [&'static str; 4];

macro_rules! fixture {
    ($word:literal) => {
        [
            include_str!(concat!("../../../scaffold/fixture/", $word, "/template.yaml")),
            include_str!(concat!("../../../scaffold/fixture/", $word, "/packaged.json")),
            include_str!(concat!("../../../scaffold/fixture/", $word, "/sluice-lines.json")),
            include_str!(concat!("../../../scaffold/fixture/", $word, "/sluice-manifest.json")),
        ]
    };
}

pub(super) fn fixture(from: Language) -> Fixture {
    match from {
        Language::Python => fixture!("python"),
        Language::Node => fixture!("node"),
        Language::Rust => fixture!("rust"),
        Language::Sam => fixture!("sam"),
    }
}

/// What a deploy to a stage reads; the first stage is `dev`.
fn read(from: Language, stage: &str, known: KnownValues<'_>) -> Application {
    let (pipeline, name) = (PipelineName::new("orders").unwrap(), StageName::new(stage).unwrap());
    let target = Target { account: "123456789012".into(), region: "us-east-1".into() };
    let none = BTreeMap::new();
    let stage = Stage {
        pipeline: &pipeline,
        name: &name,
        target: &target,
        parameters: &none,
        system_parameters: &SystemAnswers::new(),
    };
    let deploying = Deploying {
        stage,
        code_bucket: "sluice-123456789012-us-east-1",
        code_prefix: "orders",
        // As in `/deploy plan`: a text that stands for a name looks like a wildcard.
        wild_rights: matches!(known, KnownValues::Shown(_)),
        images: Images::Accepted,
        boundary: None,
        names: if name.as_str() == "dev" { StageNames::First } else { StageNames::Further(&name) },
        known,
    };
    let [_, packaged, lines, manifest] = fixture(from);
    let manifest = Manifest::parse(manifest).unwrap();
    sluice_template::read(packaged, lines, &manifest, &deploying)
        .unwrap_or_else(|refused| panic!("{from}: {refused:?}"))
}

/// Down to the bytes of the code, which two builds of one commit share.
#[test]
fn the_packaged_templates_are_those_of_the_files() {
    for from in Language::ALL {
        let source = text_of(&orders(from), "template.yaml");
        let [original, packaged, lines, manifest] = fixture(from);
        assert_eq!(source, original, "the fixture is of another template: make it anew");
        let [packaged, lines, manifest]: [Value; 3] =
            [packaged, lines, manifest].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(manifest["schema"], 2);
        for (name, pin) in manifest["functions"].as_object().unwrap() {
            let code = &packaged["Resources"][name]["Properties"]["Code"];
            assert_eq!((&code["S3Key"], &code["S3ObjectVersion"]), (&pin["key"], &pin["version"]), "{name}");
            let line = source.lines().position(|line| line == format!("  {name}:")).unwrap() + 1;
            assert_eq!(lines[name], json!({ "file": "template.yaml", "line": line }));
        }
        assert!(packaged.get("Transform").is_none(), "{from}: SAM is expanded");
    }
}

#[test]
fn the_packaged_scaffold_is_read_for_a_stage() {
    insta::assert_json_snapshot!(read(Language::Sam, "dev", KnownValues::Nothing));
}

/// With texts for the values that only the stack knows, as in `/deploy plan`.
#[test]
fn the_service_in_python_is_read_for_a_stage() {
    let values = DirectValues::default();
    insta::assert_json_snapshot!(read(Language::Python, "prod", KnownValues::Shown(&values)));
}

#[test]
fn every_service_is_split_alike_on_every_stage() {
    for from in [Language::Python, Language::Node, Language::Rust] {
        for stage in ["dev", "prod"] {
            let values = DirectValues::default();
            let shown = read(from, stage, KnownValues::Shown(&values));
            let functions: Vec<&str> = shown.functions.keys().map(String::as_str).collect();
            assert_eq!(functions, ["Api", "Count", "Store"], "{from} on {stage}");
            for function in shown.functions.values() {
                assert_eq!(function.environment["STAGE"], stage, "{from}");
                assert!(function.environment.keys().eq(["QUEUE", "STAGE", "TABLE"]), "{from}");
            }
            assert!(shown.apis.len() == 1 && shown.waiting.is_empty(), "{from} on {stage}");

            // Before the stack exists, all functions wait for its table and its queue.
            let first = read(from, stage, KnownValues::Nothing);
            assert!(first.functions.is_empty() && first.stack.is_some(), "{from} on {stage}");
            assert_eq!(first.waiting["Api"].needs.len(), 3, "{:?}", first.waiting["Api"]);
        }
    }
}
