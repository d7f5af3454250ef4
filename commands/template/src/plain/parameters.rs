//! The values of parameters for one stage.
//!
//! `Stage` is the stage's name. Every other parameter has the value that is set for the stage, or its default; one without a
//! value is an error before the first call to AWS. A parameter that looks like the environment but only has its default is
//! reported, because a default is mostly that of development.

use std::collections::{BTreeMap, BTreeSet};

use super::declaration::{Declaration, STAGE};
use super::parameter_types::Kind;
use super::partial::{Deferred, Need, Partial};
use super::references::References;
use super::stage::Stage;
use super::system_answers::SystemAnswer;
use super::template::PlainTemplate;
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::source_map::SourceMap;
use sluice_model::PARAMETER;

/// Parameters that name the environment in all but letter case, beside `Stage` itself.
const LIKE_STAGE: [&str; 4] = ["env", "environment", "stage", "stagename"];

/// The parameters of a template with their values for a stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParameterValues {
    /// By name: a string or a list of strings, or deferred for a parameter of Systems Manager that was not read yet.
    pub values: BTreeMap<String, Partial>,
    /// Parameters called `Env`, `Environment`, `StageName` or the like that only have their default: on a protected stage that
    /// is mostly a mistake.
    pub default_environments: Vec<String>,
    /// Parameters with a value for the stage that the template does not declare.
    pub unknown: Vec<String>,
    /// Names of parameters of Systems Manager that have to be read for this stage: those of parameters to which something refers.
    pub system_parameters: BTreeSet<String>,
}

impl ParameterValues {
    /// The values for a stage.
    ///
    /// # Errors
    ///
    /// Each parameter without a value, or with one that its declaration does not allow.
    pub fn of(
        template: &PlainTemplate,
        stage: &Stage<'_>,
        sources: &SourceMap,
    ) -> Result<Self, Vec<TemplateError>> {
        let mut findings = Findings::new(sources.clone());
        let mut read = Self::default();
        let has_system = template.parameters.values().any(|of| matches!(of.kind, Kind::System { .. }));
        let used = if has_system { template.references() } else { References::default() };
        for (name, declaration) in &template.parameters {
            let value = read.value(name, declaration, stage, used.names(name));
            if let Some(value) = findings.take(&Place::of(&["Parameters", name]), value) {
                read.values.insert(name.clone(), value);
            }
        }
        let unknown = stage.parameters.keys().filter(|name| !template.parameters.contains_key(*name));
        read.unknown = unknown.cloned().collect();
        findings.finish(read)
    }

    /// The same values, but parameters with `NoEcho` are deferred as references to themselves: for what is written down.
    pub(super) fn without_secrets(&self, template: &PlainTemplate) -> Self {
        let mut values = self.clone();
        for (name, value) in &mut values.values {
            if template.is_no_echo(name) {
                let expression = serde_json::json!({ "Ref": name });
                *value = Partial::Deferred(Deferred::new(expression, Need::SecretParameter(name.clone())));
            }
        }
        values
    }

    fn value(
        &mut self,
        name: &str,
        declaration: &Declaration,
        stage: &Stage<'_>,
        is_used: bool,
    ) -> Result<Partial, Violation> {
        let set =
            if name == STAGE { Some(stage.name.to_string()) } else { stage.parameters.get(name).cloned() };
        if set.is_none() && LIKE_STAGE.iter().any(|like| name.eq_ignore_ascii_case(like)) {
            self.default_environments.push(name.to_owned());
        }
        let Some(text) = set.or_else(|| declaration.default.clone()) else {
            let set = format!("/stage set {} {} {PARAMETER}{name}=", stage.pipeline, stage.name);
            return Err(Violation::new(
                TemplateCode::Parameter,
                format!("the parameter {name} has no value for the stage {} and no default", stage.name),
                format!("set it: `{set}{}`, or give it a `Default`", declaration.example()),
            ));
        };
        declaration.check(name, &text)?;
        let Kind::System { .. } = declaration.kind else { return Ok(declaration.kind.value(&text)) };
        if is_used {
            self.system_parameters.insert(text.clone());
        }
        Ok(match stage.system_parameters.get(&text).and_then(SystemAnswer::value) {
            Some(read) => declaration.kind.value(read),
            None => {
                let expression = serde_json::json!({ "Ref": name });
                Partial::Deferred(Deferred::new(expression, Need::SystemParameter(text)))
            }
        })
    }
}
