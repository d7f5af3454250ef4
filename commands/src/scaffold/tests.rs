use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::*;
use sluice_model::{StageName, Target};
use sluice_template::{Deploying, Manifest};

/// What `sluice_package.py` made of the scaffold of `orders`; `docs/templates.md` says how to make them anew.
const PACKAGED: &str = include_str!("../../scaffold/fixture/packaged.json");
const ORIGINAL: &str = include_str!("../../scaffold/fixture/template.yaml");
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

/// The interpreter itself: what `python3` finds may be a wrapper that puts folders of its own before the PATH it is
/// given, and so the real `aws` before the one of a test.
fn interpreter() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let output = output.expect("the tests of the scaffold need python3 (3.9 or newer) on the PATH");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Python below a folder, with an environment that holds nothing but what is given.
fn python3(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(interpreter())
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
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
    let (green, printed) = python3(folder.path(), &tests, &[]);
    assert!(green && printed.contains("OK"), "{printed}");

    std::fs::write(folder.path().join("src/app.py"), "def handler(event, context): return {}\n").unwrap();
    let (green, printed) = python3(folder.path(), &tests, &[]);
    assert!(!green && printed.contains("FAILED"), "{printed}");
}

#[test]
fn the_packaged_scaffold_is_read_for_a_stage() {
    assert_eq!(
        text_of(&orders(), "template.yaml"),
        ORIGINAL,
        "the fixture is of another template: make it anew"
    );
    let (pipeline, stage) = (PipelineName::new("orders").unwrap(), StageName::new("prod").unwrap());
    let target = Target { account: "123456789012".into(), region: "us-east-1".into() };
    let deploying = Deploying {
        pipeline: &pipeline,
        stage: &stage,
        target: &target,
        parameters: &BTreeMap::new(),
        code_bucket: "sluice-123456789012-us-east-1",
        code_prefix: "orders/code",
        wild_rights: false,
    };
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let application = sluice_template::read(PACKAGED, ORIGINAL, &manifest, &deploying).unwrap();
    insta::assert_json_snapshot!(application);
}

/// Stands for the `aws` command line: copies the template, naming objects as `cloudformation package` does.
const AWS: &str = r#"#!/usr/bin/env python3
import hashlib, json, pathlib, re, sys
args = dict(zip(sys.argv, sys.argv[1:]))
if sys.argv[1] == "s3api":
    print("v-" + args["--key"][-4:])
else:
    text = pathlib.Path(args["--template-file"])
    zips = re.findall(r"CodeUri: (\S+)", text.read_text())
    md5 = [hashlib.md5((text.parent / name).read_bytes()).hexdigest() for name in zips]
    uris = [f"s3://{args['--s3-bucket']}/{args['--s3-prefix']}/{name}" for name in md5]
    resources = {f"F{n}": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": uri}} for n, uri in enumerate(uris)}
    pathlib.Path(args["--output-template-file"]).write_text(json.dumps({"Resources": resources}))
"#;

/// Writes the scaffold with file times, an order on disk and bytecode of its own, packages it, and returns the output.
#[cfg(unix)]
fn package(folder: &Path, reversed: bool) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    let mut files = orders();
    files.extend(
        ["a", "b", "lib/c"].map(|name| NewFile { path: format!("src/{name}.py"), content: "x = 1\n".into() }),
    );
    if reversed {
        files.reverse();
        files.push(NewFile { path: "src/__pycache__/app.cpython-312.pyc".into(), content: "stale".into() });
    }
    write(&files, folder);
    let hour = std::time::Duration::from_secs(3_600);
    let time = std::time::SystemTime::UNIX_EPOCH + hour * if reversed { 300_000 } else { 400_000 };
    std::fs::File::options()
        .append(true)
        .open(folder.join("src/app.py"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("aws"), AWS).unwrap();
    std::fs::set_permissions(bin.join("aws"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let environment = [("PATH", path.as_str()), ("SLUICE_BUCKET", "bucket"), ("SLUICE_PREFIX", "orders/")];
    let (packaged, printed) = python3(folder, &["sluice_package.py"], &environment);
    assert!(packaged, "{printed}");
    ["packaged.json", "sluice-manifest.json"]
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap())
        .into()
}

#[cfg(unix)]
#[test]
fn two_builds_of_one_commit_are_equal_to_the_byte() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let built = package(one.path(), false);
    assert_eq!(built, package(other.path(), true));
    let manifest = Manifest::parse(&built[1]).unwrap();
    assert!(manifest.functions["F0"].key.starts_with("orders/code/"));
}

#[test]
fn packaging_says_what_is_wrong() {
    let refusal = |template: &str, environment: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        write(&orders(), folder.path());
        if !template.is_empty() {
            std::fs::write(folder.path().join("template.yaml"), template).unwrap();
        }
        let (packaged, printed) = python3(folder.path(), &["sluice_package.py"], environment);
        assert!(!packaged, "{printed}");
        assert!(!printed.contains("Traceback"), "{printed}");
        printed
    };
    let set = [("SLUICE_BUCKET", "b"), ("SLUICE_PREFIX", "p")];
    assert!(refusal("", &[("SLUICE_BUCKET", "b")]).contains("SLUICE_PREFIX must be set"));
    assert!(refusal("Resources: {}\n", &set).contains("no function has a line"));
    for folder in [".", "..", "/etc", "nowhere", "template.yaml", "build"] {
        assert!(
            refusal(&format!("CodeUri: {folder}\n"), &set).contains("line 1: CodeUri must name"),
            "{folder}"
        );
    }
}
