//! A developer's clone of a pipeline's repository, with plain `git`.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::chat::Message;
use crate::world::World;

/// A clone.
#[derive(Debug)]
pub struct Repository(TempDir);

impl Repository {
    /// Clones the repository of a pipeline.
    pub fn clone(world: &World, pipeline: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("{}/{pipeline}.git", world.ready.git);
        git(folder.path(), &["clone", "--quiet", &url, "."]);
        Self(folder)
    }

    /// Clones with the command that the message of `/repo create` shows.
    pub fn clone_from_message(created: &Message) -> Self {
        let text = created.text().replace('`', "");
        let (_, url) =
            text.split_once("git clone ").unwrap_or_else(|| panic!("no clone command in:\n{text}"));
        let folder = TempDir::new().unwrap();
        git(folder.path(), &["clone", "--quiet", url.split_whitespace().next().unwrap(), "."]);
        Self(folder)
    }

    /// Writes a file, and creates its folder.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Changes a file.
    pub fn edit(&self, path: &str, change: impl FnOnce(String) -> String) {
        let path = self.0.path().join(path);
        let before = std::fs::read_to_string(&path).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after, "the edit of {} changes something", path.display());
        std::fs::write(path, after).unwrap();
    }

    /// Replaces all content with that of a folder. Links are left out.
    pub(crate) fn replace(&self, folder: &Path) -> std::io::Result<()> {
        git(self.0.path(), &["rm", "-r", "--quiet", "."]);
        copy(folder, self.0.path())
    }

    /// Writes a file, unless there is one that is good as it is.
    pub(crate) fn write_unless(&self, path: &str, content: &str, is_good: impl FnOnce(&str) -> bool) {
        let path = self.0.path().join(path);
        if !std::fs::read_to_string(&path).is_ok_and(|own| is_good(&own)) {
            std::fs::write(path, content).unwrap();
        }
    }

    /// Adds a command to the builds, before they package.
    pub fn run_in_builds(&self, command: &str) {
        let first = format!("    commands:\n      - {command}\n");
        self.edit("buildspec.yml", |text| text.replace("    commands:\n", &first));
    }

    /// Changes the greeting of the handler that `from sam` brings.
    pub fn set_greeting(&self, greeting: &str) {
        self.edit("src/app.py", |code| {
            let lines = code.lines().map(|line| match line.strip_prefix("GREETING = ") {
                Some(_) => format!("GREETING = \"{greeting}\"\n"),
                None => format!("{line}\n"),
            });
            lines.collect()
        });
    }

    /// Replaces the application with one of this many functions and routes, all with the code that `from sam` brings.
    pub fn generate(&self, functions: usize, routes: usize) {
        self.edit("template.yaml", |text| {
            let (head, _) = text.split_once("Resources:").expect("the scaffold's template has resources");
            let mut template = format!("{head}Resources:\n");
            for function in 0..functions {
                template.push_str(&format!(
                    "  Part{function}:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: src\n      \
                     Handler: app.handler\n      Events:\n"
                ));
                for route in (function..routes).step_by(functions) {
                    template.push_str(&format!(
                        "        Route{route}:\n          Type: HttpApi\n          Properties:\n            \
                         Method: GET\n            Path: /part{route}\n"
                    ));
                }
            }
            template
        });
    }

    /// Commits everything and pushes it; the commit's id.
    pub fn push(&self, subject: &str) -> String {
        git(self.0.path(), &["add", "--all"]);
        git(self.0.path(), &["commit", "--quiet", "--message", subject]);
        git(self.0.path(), &["push", "--quiet"]);
        self.head()
    }

    /// The id of the commit that is checked out.
    pub fn head(&self) -> String {
        git(self.0.path(), &["rev-parse", "HEAD"])
    }
}

/// Copies files and folders into a folder, but for git's own.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() && entry.file_name() != ".git" {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Plain `git`, without the machine's own settings.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    for (name, value) in [("NAME", "Dev"), ("EMAIL", "dev@example.com")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).output().expect("git runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
