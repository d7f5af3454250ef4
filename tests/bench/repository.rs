//! What a developer does between two builds: clone, change, push.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::world::World;

fn git(folder: &Path, args: &[&str]) -> Result<()> {
    let output = Command::new("git")
        .args(["-c", "user.name=Bench", "-c", "user.email=bench@example.org"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .current_dir(folder)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// Clones a pipeline's repository, lets `change` at it, and pushes.
fn push(world: &World, pipeline: &str, subject: &str, change: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    git(folder.path(), &["clone", "-q", &format!("{}/{pipeline}", world.ready.git), "work"])?;
    let work = folder.path().join("work");
    change(&work)?;
    git(&work, &["commit", "-qam", subject])?;
    git(&work, &["push", "-q"])
}

/// Changes the code of every function.
pub(crate) fn change_code(world: &World, pipeline: &str, word: &str) -> Result<()> {
    push(world, pipeline, "Greet in another way", |work| {
        let path = work.join("src/app.py");
        let mut code = std::fs::read_to_string(&path)?;
        code.push_str(&format!("\n# {word}\n"));
        Ok(std::fs::write(path, code)?)
    })
}

/// Makes an application of so many functions out of the scaffold, each with a route of its own.
pub(crate) fn multiply(world: &World, pipeline: &str, functions: usize) -> Result<()> {
    push(world, pipeline, "Divide into functions", |work| {
        let path = work.join("template.yaml");
        let text = std::fs::read_to_string(&path)?;
        let (head, _) = text.split_once("Resources:").ok_or("the scaffold's template has no resources")?;
        let mut template = format!("{head}Resources:\n");
        for number in 1..=functions {
            template.push_str(&format!(
                "  Part{number}:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: src\n      \
                 Handler: app.handler\n      Events:\n        Root:\n          Type: HttpApi\n          Properties:\n            \
                 Method: GET\n            Path: /part{number}\n"
            ));
        }
        Ok(std::fs::write(path, template)?)
    })
}
