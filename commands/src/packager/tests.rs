use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

const BUCKET: &str = "sluice-123456789012-us-east-1";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packager")
}

fn walk(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let name = format!("{prefix}{}", name.to_str().unwrap());
        if entry.is_dir() && !name.ends_with("__pycache__") {
            walk(&entry, &format!("{name}/"), found);
        } else if entry.is_file() {
            found.insert(name);
        }
    }
}

#[test]
fn every_file_of_the_packager_is_in_the_archive() {
    let mut wanted = BTreeSet::from(["__main__.py".to_owned(), "requirements.txt".to_owned()]);
    walk(&folder().join("sluice_package"), "sluice_package/", &mut wanted);
    let listed: Vec<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(listed, wanted.into_iter().collect::<Vec<_>>());
}

/// Another hash of the same files means that every installation must run `sluice init` again.
#[test]
fn the_archive_depends_on_its_files_alone() {
    let made = Archive::of(&[("__main__.py", b"print('hello')\n"), ("a/b.py", b"")]);
    assert_eq!(made.sha256, "895930277301aa90ec320814f529b7a1c36ac7f6cb185fccb89e6730936b16b9");
    assert_eq!(made.key(), format!("_sluice/packager/{}.pyz", made.sha256));
    assert_eq!(*archive(), Archive::of(FILES));

    // Another reader of the format finds nothing wrong with it.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.zip"), &archive().content).unwrap();
    let check = "import zipfile; z = zipfile.ZipFile('a.zip'); print(z.testzip(), len(z.infolist()), z.getinfo('__main__.py').date_time, \
                 oct(z.getinfo('__main__.py').external_attr >> 16))";
    let output = Command::new("python3").args(["-c", check]).current_dir(folder.path()).output().unwrap();
    let wanted = format!("None {} (1980, 1, 1, 0, 0, 0) 0o100644\n", FILES.len());
    assert_eq!(String::from_utf8_lossy(&output.stdout), wanted);
}

#[test]
fn the_variables_fit_into_a_build_and_mean_the_same_to_every_shell() {
    let variables = environment(BUCKET, &"orders".parse().unwrap());
    let names: Vec<_> = variables.keys().map(String::as_str).collect();
    assert_eq!(names, ["SLUICE_BUCKET", "SLUICE_PACKAGE", "SLUICE_PREFIX"]);
    let command = &variables[VARIABLE];
    assert!(!command.contains(['$', '\\', '\n']) && command.matches('\'').count() == 2, "{command}");
    // A repository's own variables need room beside it, and people read it in CodeBuild's console.
    assert!(command.len() < 2_000, "{}", command.len());
}

/// A build image: a folder of programs that is the whole `PATH`, the shell and Python among them.
struct Image {
    folder: tempfile::TempDir,
}

impl Image {
    fn new() -> Self {
        let image = Self { folder: tempfile::tempdir().unwrap() };
        for program in ["sh", "python3"] {
            let find = format!(
                "import shutil, sys; print(sys.executable if '{program}' == 'python3' else shutil.which('{program}'))"
            );
            let output = Command::new("python3").args(["-c", &find]).output();
            let output = output.expect("the tests of the packager need python3 (3.9 or newer) on the PATH");
            let place = String::from_utf8(output.stdout).unwrap();
            std::os::unix::fs::symlink(place.trim(), image.folder.path().join(program)).unwrap();
        }
        image
    }

    /// With an `aws` that answers `get-object` with this file, or fails without one.
    fn with_object(self, object: Option<&[u8]>) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let (aws, kept) = (self.folder.path().join("aws"), self.folder.path().join("object"));
        if let Some(object) = object {
            std::fs::write(&kept, object).unwrap();
        }
        let python = self.folder.path().join("python3");
        let script = format!(
            "#!{}\nimport shutil, sys\nassert sys.argv[1:-1] == ['s3api', 'get-object', '--bucket', '{BUCKET}', '--key', \
             sys.argv[6]], sys.argv\nprint('{{}}')\nshutil.copy({kept:?}, sys.argv[-1])\n",
            python.display()
        );
        std::fs::write(&aws, script).unwrap();
        std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Runs the line of a buildspec in a repository; its exit status and output.
    fn run(&self, repository: &Path, archive: &Archive) -> (Option<i32>, String) {
        let output = Command::new(self.folder.path().join("sh"))
            // As in a buildspec whose earlier command was `set -eu`.
            .args(["-c", &format!("set -eu; {LINE}; echo after")])
            .current_dir(repository)
            .env_clear()
            .env("PATH", self.folder.path())
            .env(VARIABLE, command(BUCKET, archive))
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
    }
}

#[test]
fn a_build_runs_what_was_published_and_ends_with_its_status() {
    let repository = tempfile::tempdir().unwrap();
    // Neither may replace a module of Python.
    std::fs::write(repository.path().join("hashlib.py"), "raise SystemExit('the repository')\n").unwrap();
    std::fs::write(repository.path().join("json.py"), "raise SystemExit('the repository')\n").unwrap();
    let run = |code: &[u8]| {
        let archive = Archive::of(&[("__main__.py", code)]);
        Image::new().with_object(Some(&archive.content)).run(repository.path(), &archive)
    };
    let here = b"import json, os, sys\nprint(os.getcwd() == os.path.realpath('.'), sys.argv[1:])\n";
    assert_eq!(run(here), (Some(0), "True []\nafter\n".to_owned()));
    assert_eq!(run(b"raise SystemExit(3)\n"), (Some(3), String::new()));
}

#[test]
fn a_build_without_the_published_packager_says_what_to_do() {
    let repository = tempfile::tempdir().unwrap();
    let archive = archive();
    let refusal = |image: Image| {
        let (status, printed) = image.run(repository.path(), archive);
        assert_eq!(status, Some(1), "{printed}");
        printed
    };
    assert!(refusal(Image::new()).contains("has no aws command line"));
    let missing = refusal(Image::new().with_object(None));
    assert!(missing.contains("cannot be downloaded") && missing.contains("`sluice init`"), "{missing}");
    let replaced = refusal(Image::new().with_object(Some(b"print('other')")));
    assert!(replaced.contains("is not what Sluice published") && !replaced.contains("other"), "{replaced}");
}
