//! What is delivered, and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The parameters of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A folder for each application, with `template.yaml`, `.yml` or `.json`.
    pub folder: PathBuf,
    /// Only applications whose name contains this.
    pub only: Option<String>,
    /// How many are delivered at once. The sandbox runs two builds at once.
    pub jobs: usize,
    /// The stages in their order; the first is `dev`.
    pub stages: Vec<String>,
    /// The time for each application.
    pub deadline: Duration,
    /// Values for parameters of templates without a default, by name.
    pub parameters: Vec<(String, String)>,
    /// For applications without a buildspec of their own; that of `from sam` if there is none.
    pub buildspec: Option<String>,
}

impl Plan {
    /// All applications of a folder, with the usual settings.
    pub fn of(folder: PathBuf) -> Self {
        Self {
            folder,
            only: None,
            jobs: 2,
            stages: ["dev", "staging"].map(str::to_owned).to_vec(),
            deadline: Duration::from_secs(180),
            parameters: vec![],
            buildspec: None,
        }
    }
}

/// An application.
#[derive(Debug, Clone)]
pub(super) struct Application {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// Its pipeline.
    pub(super) pipeline: String,
}

/// The applications of the plan's folder, sorted by name.
pub(super) fn applications(plan: &Plan) -> Result<Vec<Application>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", plan.folder.display());
    let entries = std::fs::read_dir(&plan.folder).map_err(wrong)?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    folders.sort();
    let mut found = vec![];
    for folder in folders.into_iter().filter(|folder| is_application(folder)) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if plan.only.as_ref().is_none_or(|only| name.contains(only)) {
            let pipeline = pipeline_of(&name, found.len());
            found.push(Application { name, folder, pipeline });
        }
    }
    if found.is_empty() { Err(format!("{} has no applications", plan.folder.display())) } else { Ok(found) }
}

/// A template, or what a build makes one of: an app of the CDK or of the Serverless Framework.
fn is_application(folder: &Path) -> bool {
    let files = ["template.yaml", "template.yml", "template.json", "cdk.json", "serverless.yml"];
    files.iter().any(|file| folder.join(file).is_file())
}

/// A valid name for a pipeline, as short as people's own: resources have it in their names.
fn pipeline_of(name: &str, number: usize) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let short: String = letters.take(12).collect();
    format!("{}-{number}", short.trim_matches('-'))
}
