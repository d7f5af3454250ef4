//! The templates as they are in this repository: complete, alike, tested by their own tests, and packaged.

mod document;
mod packaged;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::packager;

fn orders(from: Language) -> Vec<NewFile> {
    files(from, &PipelineName::new("orders").unwrap())
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

/// Runs a program in a folder, with no environment but the PATH: whether it succeeded, and what it printed.
fn run(folder: &Path, program: &OsString, arguments: &[&str], install: &str) -> (bool, String) {
    let path = std::env::var_os("PATH").unwrap();
    let output =
        Command::new(program).args(arguments).current_dir(folder).env_clear().env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}. {install}", program.display()));
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

/// The files of a template in this repository.
fn in_repository(folder: &Path, below: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => in_repository(folder, &path, found),
            false => drop(found.insert(path)),
        }
    }
}

#[test]
fn every_file_is_there_with_the_name_put_in() {
    for from in Language::ALL {
        let files = orders(from);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert!(paths.is_sorted(), "{from}: {paths:?}");
        for path in &paths {
            let text = text_of(&files, path);
            assert!(!text.contains("{{"), "{from}: {path}");
            assert!(text.ends_with('\n') && !text.contains('\r'), "{from}: {path}");
        }
        assert!(text_of(&files, "README.md").starts_with("# orders\n"), "{from}");
        assert!(text_of(&files, "template.yaml").contains("Description: The service orders"), "{from}");

        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scaffold").join(from.word());
        let mut found = BTreeSet::new();
        in_repository(&folder, Path::new(""), &mut found);
        found.retain(|path| !path.starts_with("target") && path.extension().is_none_or(|end| end != "pyc"));
        let embedded = paths.iter().map(|path| PathBuf::from(path.trim_start_matches('.')));
        assert_eq!(found, embedded.collect(), "{from}");
    }
}

/// The same service in three languages: nothing but the lines about the language differs.
#[test]
fn the_services_of_the_languages_have_one_template() {
    let of = |from| -> Vec<String> {
        let text = text_of(&orders(from), "template.yaml");
        let own = ["Runtime:", "CodeUri:", "MemorySize:", "Architectures:", "- x86_64", "# The machine"];
        let lines = text.lines().filter(|line| !own.iter().any(|own| line.trim().starts_with(own)));
        lines.map(|line| line.replace("Handler: handlers.", "Handler: ")).collect()
    };
    let python = of(Language::Python);
    assert_eq!(python, of(Language::Node));
    assert_eq!(python, of(Language::Rust));
    for from in [Language::Python, Language::Node, Language::Rust] {
        let template = text_of(&orders(from), "template.yaml");
        assert!(!template.contains("Name: orders") && !template.contains("orders-"), "{from}: no fixed name");
    }
}

#[test]
fn builds_run_on_the_runtime_of_the_functions() {
    for (from, before, after, key) in
        [(Language::Python, "python", "", "python"), (Language::Node, "nodejs", ".x", "nodejs")]
    {
        let files = orders(from);
        let template = text_of(&files, "template.yaml");
        let runtime = template.lines().find_map(|line| line.trim().strip_prefix("Runtime: ")).unwrap();
        let version = runtime.strip_prefix(before).and_then(|version| version.strip_suffix(after)).unwrap();
        let line = format!("      {key}: \"{version}\"\n");
        assert!(text_of(&files, "buildspec.yml").contains(&line), "{from}: {line}");
    }
}

/// What `cargo build --locked` in a build would otherwise refuse.
#[test]
fn the_lock_file_of_rust_has_the_dependencies() {
    let files = orders(Language::Rust);
    let (manifest, lock) = (text_of(&files, "Cargo.toml"), text_of(&files, "Cargo.lock"));
    let (_, wanted) = manifest.split_once("[dependencies]\n").unwrap();
    let wanted = wanted.lines().map_while(|line| line.split_once(" = ")).map(|(name, _)| name);
    let (_, own) = lock.split_once("name = \"service\"\n").unwrap();
    let (_, own) = own.split_once("dependencies = [\n").unwrap();
    let locked = own.lines().map_while(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let locked = locked.map(|name| name.split(' ').next().unwrap());
    assert_eq!(wanted.collect::<BTreeSet<_>>(), locked.collect());
}

#[test]
fn the_tests_in_python_pass_and_can_fail() {
    let folder = tempfile::tempdir().unwrap();
    write(&orders(Language::Python), folder.path());
    let tests = ["-m", "unittest", "discover", "-s", "tests"];
    let python = |folder| run(folder, &"python3".into(), &tests, "The tests need Python 3.9 or newer.");
    let (green, printed) = python(folder.path());
    assert!(green && printed.contains("OK"), "{printed}");

    let path = folder.path().join("src/service.py");
    let broken = std::fs::read_to_string(&path).unwrap().replace("return 202, order", "return 200, {}");
    std::fs::write(path, broken).unwrap();
    let (green, printed) = python(folder.path());
    assert!(!green && printed.contains("FAILED"), "{printed}");
}

#[test]
fn the_tests_in_node_pass_and_can_fail() {
    let folder = tempfile::tempdir().unwrap();
    write(&orders(Language::Node), folder.path());
    let program = std::env::var_os("SLUICE_NODE").unwrap_or_else(|| "node".into());
    let install = "The tests need Node.js 22 or newer: `cargo sandbox --setup` installs it, and \
                   SLUICE_NODE=target/sandbox/venv/bin/node (with its full path) names it.";
    let node = |folder| run(folder, &program, &["--test"], install);
    let (green, printed) = node(folder.path());
    assert!(green && printed.contains("pass 5"), "{printed}");

    let path = folder.path().join("src/service.mjs");
    let broken = std::fs::read_to_string(&path).unwrap().replace("[202, order]", "[200, order]");
    std::fs::write(path, broken).unwrap();
    let (green, printed) = node(folder.path());
    assert!(!green && printed.contains("fail 1"), "{printed}");
}

#[test]
fn the_buildspec_runs_the_packager_and_keeps_what_it_makes() {
    for from in Language::ALL {
        let (spec, ignored) = (text_of(&orders(from), "buildspec.yml"), text_of(&orders(from), ".gitignore"));
        let commands = spec.split("  build:\n    commands:\n").nth(1).unwrap().split("\n\nartifacts:").next();
        let last = format!("      - {}", packager::LINE);
        assert_eq!(commands.unwrap().lines().last(), Some(last.as_str()), "{from}");
        let files = spec.split("  files:\n").nth(1).unwrap();
        let wanted = packager::ARTIFACTS.map(|file| format!("    - {file}\n")).concat();
        assert_eq!(files, wanted, "{from}");
        for file in packager::ARTIFACTS {
            assert!(ignored.lines().any(|line| line == file), "{from}: {file}");
        }
    }
}
