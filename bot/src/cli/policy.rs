//! `sluice policy`: lists, prints or writes the IAM policies of a role. It calls neither AWS nor the state, so it works before either
//! exists.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sluice_model::Target;

use super::console::{print, warn};
use super::exit::Exit;
use crate::config::{Base, Problem, Sources};
use crate::wiring::{PolicyDocument, PolicyFor, policies};

/// What is asked for.
pub(super) struct Request {
    pub(super) whose: PolicyFor,
    /// The one to print.
    pub(super) name: Option<String>,
    /// The folder to write all of them to.
    pub(super) out: Option<PathBuf>,
    pub(super) account: String,
    pub(super) region: Option<String>,
}

pub(super) fn run(sources: Sources, request: Request) -> Result<Exit, Vec<Problem>> {
    let Request { whose, name, out, account, region } = request;
    let region = region.or_else(|| sources.env.get("AWS_REGION").cloned());
    let region = region.ok_or_else(|| vec![Problem::new("--region", "is required, or set AWS_REGION")])?;
    let base = Base::load(sources)?;
    let target = Target { account, region };
    let documents = policies(whose, &base, &target);
    if let Some(folder) = out {
        return Ok(match write(&folder, &documents) {
            Ok(()) => {
                print(&listed(&documents, &format!("Written to {}", folder.display())));
                Exit::Done
            }
            Err(error) => {
                warn(&format!(
                    "sluice policy cannot write to {}: {error}. Name a folder that you may write to.\n",
                    folder.display()
                ));
                Exit::Failed
            }
        });
    }
    let found = match (&name, documents.as_slice()) {
        (Some(name), documents) => {
            let found = documents.iter().find(|document| is_called(document, name, &target));
            let names =
                documents.iter().map(|document| document.name.as_str()).collect::<Vec<_>>().join(", ");
            Some(found.ok_or_else(|| vec![Problem::new("NAME", format!("is none of {names}"))])?)
        }
        // Nothing to choose from.
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    match found {
        Some(document) => print(&text(document)),
        None => print(&(listed(&documents, "The bot's role needs each of these as a managed policy") + NEXT)),
    }
    Ok(Exit::Done)
}

const NEXT: &str = "\nPrint one with `sluice policy … NAME`, or write all of them to files with `sluice policy … --out DIR`. bot/README.md says how to attach them.\n";

/// Whether a person means this document: `sluice-bot-state-eu-central-1`, `sluice-bot-state` or `state`.
fn is_called(document: &PolicyDocument, name: &str, target: &Target) -> bool {
    let whole = document.name.as_str();
    let short = whole.strip_suffix(&format!("-{}", target.region)).unwrap_or(whole);
    [Some(whole), Some(short), short.strip_prefix("sluice-bot-")].contains(&Some(name))
}

fn text(document: &PolicyDocument) -> String {
    format!("{:#}\n", document.body)
}

fn write(folder: &Path, documents: &[PolicyDocument]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    documents.iter().try_for_each(|document| {
        std::fs::write(folder.join(format!("{}.json", document.name)), text(document))
    })
}

/// A line for each document.
fn listed(documents: &[PolicyDocument], title: &str) -> String {
    let width = documents.iter().map(|document| document.name.len()).max().unwrap_or_default();
    let mut page = format!("{title}:\n\n");
    for document in documents {
        let PolicyDocument { name, about, .. } = document;
        let _ = writeln!(page, "  {name:width$}  {:>5} characters  {about}", document.size());
    }
    page
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tempfile::TempDir;

    use super::*;

    fn documents() -> (Vec<PolicyDocument>, Target) {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        (policies(PolicyFor::Bot, &Base::load(Sources::default()).unwrap(), &target), target)
    }

    #[test]
    fn a_document_is_found_by_its_name_and_by_what_it_is_about() {
        let (documents, target) = documents();
        for name in ["sluice-bot-apis-eu-central-1", "sluice-bot-apis", "apis"] {
            let found: Vec<_> =
                documents.iter().filter(|document| is_called(document, name, &target)).collect();
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].name, "sluice-bot-apis-eu-central-1");
        }
        assert!(!documents.iter().any(|document| is_called(document, "bot", &target)));
    }

    #[test]
    fn each_document_is_written_to_its_file() {
        let ((documents, _), folder) = (documents(), TempDir::new().unwrap());
        let folder = folder.path().join("policies");
        write(&folder, &documents).unwrap();
        for document in &documents {
            let text = std::fs::read_to_string(folder.join(format!("{}.json", document.name))).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document.body);
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), documents.len());
    }

    #[test]
    fn the_list_has_a_line_for_each_document() {
        let page = listed(&documents().0, "All");
        assert_eq!(page.lines().filter(|line| line.contains("characters")).count(), 5, "{page}");
    }
}
