//! `sluice template check`: what Sluice makes of a packaged template. It needs no configuration, and calls neither AWS nor Slack.

mod messages;
mod page;
mod report;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;

use sluice_commands::template::plain::SourceMap;
use sluice_model::{InvalidId, PipelineName, StageName};

use super::console::{print, warn};
use super::exit::Exit;
use crate::config::Problem;
use crate::render::text::{harmless_json, one_line};
use report::{Report, Setting};
use source::{Input, Unreadable};

/// The pipeline, if the folder's name cannot be one.
const PIPELINE: &str = "app";

/// What the command prints.
#[derive(Debug, PartialEq, Eq)]
enum Output {
    /// On standard output; whether nothing was refused.
    Page(String, bool),
    /// On standard error: there is no template to check.
    Error(String),
}

pub(super) fn run(path: &Path, stage: &str, json: bool) -> Result<Exit, Vec<Problem>> {
    Ok(match check(path, stage, json)? {
        Output::Page(text, is_accepted) => {
            print(&text);
            if is_accepted { Exit::Done } else { Exit::Failed }
        }
        Output::Error(text) => {
            warn(&text);
            Exit::Failed
        }
    })
}

fn check(path: &Path, stage: &str, json: bool) -> Result<Output, Vec<Problem>> {
    let stage =
        StageName::new(stage).map_err(|error| vec![Problem::new("--stage", one_line(&error.to_string()))])?;
    let pipeline = pipeline(path)?;
    Ok(match source::find(path).and_then(|input| report(input, pipeline, stage)) {
        Ok(report) if json => Output::Page(as_json(&report), report.refused.is_empty()),
        Ok(report) => Output::Page(page::page(&report), report.refused.is_empty()),
        Err(error) => Output::Error(messages::unreadable(&error)),
    })
}

fn report(input: Input, pipeline: PipelineName, stage: StageName) -> Result<Report, Unreadable> {
    let sources = match &input.lines {
        Some(lines) => SourceMap::parse(lines).map_err(|error| Unreadable::Lines(Box::new(error)))?,
        None => SourceMap::default(),
    };
    let setting = Setting { file: input.name, pipeline, stage };
    Ok(Report::of(&input.text, &sources, setting))
}

/// The name of the template's folder, if a pipeline can have it.
fn pipeline(path: &Path) -> Result<PipelineName, Vec<Problem>> {
    let name = |path: &Path| {
        let path = path.canonicalize().ok()?;
        let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
        PipelineName::new(folder.file_name()?.to_str()?).ok()
    };
    let invalid = |error: InvalidId| vec![Problem::new("PATH", error.to_string())];
    name(path).map_or_else(|| PipelineName::new(PIPELINE).map_err(invalid), Ok)
}

fn as_json(report: &Report) -> String {
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    format!("{}\n", harmless_json(&json))
}
