use std::path::Path;
use std::process::Command;

use super::*;

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
