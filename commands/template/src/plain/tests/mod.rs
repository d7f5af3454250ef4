//! Tables of plain templates: what is read, what each expression gives, and what is refused.

mod evaluation;
mod functions;
mod fuzz;
mod parameters;
mod reading;
mod soundness;
mod system;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::TemplateError;
use sluice_model::{PipelineName, StageName, Target};

/// Everything that an evaluation needs, with the values most tests want.
pub(super) struct World {
    pipeline: PipelineName,
    stage: StageName,
    target: Target,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) system_parameters: SystemAnswers,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            pipeline: PipelineName::new("orders").unwrap(),
            stage: StageName::new("prod").unwrap(),
            target: Target { account: "123456789012".into(), region: "eu-central-1".into() },
            parameters: BTreeMap::new(),
            system_parameters: SystemAnswers::new(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Something of Systems Manager that holds text.
    pub(super) fn holding(mut self, name: &str, value: &str) -> Self {
        self.system_parameters.insert(name.into(), stored(value));
        self
    }

    pub(super) fn stage(&self) -> Stage<'_> {
        Stage {
            pipeline: &self.pipeline,
            name: &self.stage,
            target: &self.target,
            parameters: &self.parameters,
            system_parameters: &self.system_parameters,
        }
    }

    /// The split of a template for this stage.
    pub(super) fn split(&self, template: &Value) -> Result<Split, Vec<TemplateError>> {
        let sources = sources();
        let template = read(&template.to_string(), &sources)?;
        let values = ParameterValues::of(&template, &self.stage(), &sources)?;
        classify(&Evaluator::new(&template, self.stage(), &values, &later), &sources)
    }

    /// An expression, evaluated in a template.
    fn value(&self, template: &Value, expression: &Value) -> Result<Option<Partial>, Vec<TemplateError>> {
        let sources = sources();
        let template = read(&template.to_string(), &sources)?;
        let values = ParameterValues::of(&template, &self.stage(), &sources)?;
        Evaluator::new(&template, self.stage(), &values, &later).value(
            &["Outputs", "X"],
            expression,
            &sources,
        )
    }
}

/// A text in Systems Manager, and a list.
pub(super) fn stored(value: &str) -> SystemAnswer {
    let found = SystemParameter { value: value.into(), version: 1, is_list: false, is_hidden: false };
    SystemAnswer::Value(found)
}

pub(super) fn stored_list(value: &str) -> SystemAnswer {
    let found = SystemParameter { value: value.into(), version: 1, is_list: true, is_hidden: false };
    SystemAnswer::Value(found)
}

/// Nothing is known of any resource.
pub(super) fn later(_: &str, _: &Attribute) -> Known {
    Known::Later
}

/// The lines of the resources that tests use.
pub(super) fn sources() -> SourceMap {
    let line = |id: &str, line| (id.to_owned(), Source { file: "app/template.yaml".into(), line });
    [line("Hello", 7), line("Table", 20)].into_iter().collect()
}

/// The problems as lines.
fn problems<T: std::fmt::Debug>(result: Result<T, Vec<TemplateError>>) -> String {
    let errors = result.unwrap_err();
    assert!(errors.iter().all(|error| !error.hint.is_empty()), "{errors:?}");
    errors.iter().map(|error| format!("{error}\n")).collect()
}

/// A template with a table and these sections.
fn with(sections: Value) -> Value {
    let mut template = json!({ "Resources": { "Table": { "Type": "AWS::DynamoDB::Table" } } });
    for (name, section) in sections.as_object().into_iter().flatten() {
        template[name] = section.clone();
    }
    template
}
