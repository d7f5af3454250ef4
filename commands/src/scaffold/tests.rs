use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::*;
use crate::packager;
use sluice_model::{StageName, Target};
use sluice_template::plain::{Stage, StageNames};
use sluice_template::{Deploying, KnownValues, Manifest};

/// What the packager made of the scaffold of `orders`; `docs/templates.md` says how to make them anew.
const PACKAGED: &str = include_str!("../../scaffold/fixture/packaged.json");
const ORIGINAL: &str = include_str!("../../scaffold/fixture/template.yaml");
const LINES: &str = include_str!("../../scaffold/fixture/sluice-lines.json");
const MANIFEST: &str = include_str!("../../scaffold/fixture/sluice-manifest.json");

fn orders() -> Vec<NewFile> {
    python(&PipelineName::new("orders").unwrap())
}

fn text_of(files: &[NewFile], path: &str) -> String {
    let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is missing"));
    String::from_utf8(file.content.to_vec()).unwrap()
}

fn write(files: &[NewFile], folder: &Path) {
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.content).unwrap();
    }
}

/// Python below a folder, with no environment but the PATH.
fn python3(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("python3")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .output();
    let output = output.expect("the tests of the scaffold need python3 (3.9 or newer) on the PATH");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn every_file_is_there_with_the_name_put_in() {
    let files = orders();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut sorted = paths.clone();
    sorted.sort_unstable();
    assert_eq!(paths, sorted);
    for path in &paths {
        let text = text_of(&files, path);
        assert!(!text.contains("{{"), "{path}");
        assert!(text.ends_with('\n') && !text.contains('\r'), "{path}");
    }
    assert!(text_of(&files, "src/app.py").contains("Hello from orders"));
}

#[test]
fn builds_run_on_the_python_of_the_functions() {
    let files = orders();
    let template = text_of(&files, "template.yaml");
    let runtime = template.lines().find_map(|line| line.trim().strip_prefix("Runtime: python")).unwrap();
    let wanted = format!(
        "runtime-versions:\n      # The same Python as for the functions in template.yaml.\n      python: \"{runtime}\"\n"
    );
    assert!(text_of(&files, "buildspec.yml").contains(&wanted));
}

#[test]
fn its_own_tests_pass_and_can_fail() {
    let folder = tempfile::tempdir().unwrap();
    write(&orders(), folder.path());
    let tests = ["-m", "unittest", "discover", "-s", "tests"];
    let (green, printed) = python3(folder.path(), &tests);
    assert!(green && printed.contains("OK"), "{printed}");

    std::fs::write(folder.path().join("src/app.py"), "def handler(event, context): return {}\n").unwrap();
    let (green, printed) = python3(folder.path(), &tests);
    assert!(!green && printed.contains("FAILED"), "{printed}");
}

/// What the packager makes of the scaffold, down to the bytes of the code, which two builds of one commit share.
#[test]
fn the_packaged_scaffold_is_that_of_the_files() {
    let source = text_of(&orders(), "template.yaml");
    assert_eq!(source, ORIGINAL, "the fixture is of another template: make it anew");
    let [packaged, lines, manifest]: [Value; 3] =
        [PACKAGED, LINES, MANIFEST].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(manifest["schema"], 2);
    for (name, pin) in manifest["functions"].as_object().unwrap() {
        let code = &packaged["Resources"][name]["Properties"]["Code"];
        assert_eq!((&code["S3Key"], &code["S3ObjectVersion"]), (&pin["key"], &pin["version"]), "{name}");
        let line = source.lines().position(|line| line == format!("  {name}:")).unwrap() + 1;
        assert_eq!(lines[name], json!({ "file": "template.yaml", "line": line }));
    }
    assert!(packaged.get("Transform").is_none(), "SAM is expanded");
}

#[test]
fn the_buildspec_runs_the_packager_and_keeps_what_it_makes() {
    let (spec, ignored) = (text_of(&orders(), "buildspec.yml"), text_of(&orders(), ".gitignore"));
    let commands = spec.split("    commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(commands.lines().last(), Some(format!("      - {}", packager::LINE).as_str()));
    let files = spec.split("  files:\n").nth(1).unwrap();
    let wanted = packager::ARTIFACTS.map(|file| format!("    - {file}\n")).concat();
    assert_eq!(files, wanted);
    for file in packager::ARTIFACTS {
        assert!(ignored.lines().any(|line| line == file), "{file}");
    }
}

#[test]
fn the_packaged_scaffold_is_read_for_a_stage() {
    let (pipeline, name) = (PipelineName::new("orders").unwrap(), StageName::new("dev").unwrap());
    let target = Target { account: "123456789012".into(), region: "us-east-1".into() };
    let none = BTreeMap::new();
    let stage = Stage {
        pipeline: &pipeline,
        name: &name,
        target: &target,
        parameters: &none,
        system_parameters: &none,
    };
    let deploying = Deploying {
        stage,
        code_bucket: "sluice-123456789012-us-east-1",
        code_prefix: "orders",
        wild_rights: false,
        boundary: None,
        names: StageNames::First,
        known: KnownValues::Nothing,
    };
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let application = sluice_template::read(PACKAGED, LINES, &manifest, &deploying).unwrap();
    insta::assert_json_snapshot!(application);
}
