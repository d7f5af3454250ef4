//! The parameters of `/repo create`, and constants that its steps share.

use serde::{Deserialize, Serialize};

use crate::operation::StepId;
use crate::ports::{TAG_PIPELINE, Tags};
use sluice_grammar::Language;
use sluice_model::{PipelineName, Target};

/// The subject of the first commit, which identifies a commit of ours.
pub const FIRST_COMMIT_SUBJECT: &str = "Initial commit";
/// How many pipelines the status of all pipelines shows.
pub(crate) const PIPELINES: u32 = 40;
/// The first stage of every pipeline.
pub const FIRST_STAGE: &str = "dev";

/// The repository's description in the console.
pub(crate) fn repository_description(name: &PipelineName) -> String {
    format!("Service {name}, delivered by Sluice")
}

/// The build project's description in the console.
pub(crate) fn project_description(name: &PipelineName) -> String {
    format!("Builds of pipeline {name}, managed by Sluice")
}

/// The parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The name of the pipeline and of its repository.
    pub name: PipelineName,
    /// The template of the first commit.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from: Language,
}

/// Journals name no template where it is the default, as before there was a choice.
fn is_default(from: &Language) -> bool {
    *from == Language::default()
}

pub(super) fn id(name: &str) -> StepId {
    StepId::new(name)
}

#[derive(Clone)]
pub(super) struct RepoContext {
    pub(super) target: Target,
    pub(super) name: PipelineName,
}

impl RepoContext {
    pub(super) fn is_ours(&self, tags: &Tags) -> bool {
        tags.get(TAG_PIPELINE).map(String::as_str) == Some(self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_journal_names_the_template_unless_it_is_the_default() {
        let older = json!({"name": "orders"});
        for from in Language::ALL {
            let params = Params { name: PipelineName::new("orders").unwrap(), from };
            let written = serde_json::to_value(&params).unwrap();
            let wanted = if from == Language::Python {
                older.clone()
            } else {
                json!({"name": "orders", "from": from.word()})
            };
            assert_eq!(written, wanted);
            let read: Params = serde_json::from_value(written).unwrap();
            assert_eq!(read.from, from);
        }
        let unknown: Value = json!({"name": "orders", "from": "cobol"});
        assert!(serde_json::from_value::<Params>(unknown).is_err());
    }
}
