//! Parameters of Systems Manager: which ones a template reads on a stage, and what is wrong with those that were found.
//!
//! A template reads one by a parameter of a type `AWS::SSM::Parameter::Value<…>`, or by a dynamic reference
//! `{{resolve:ssm:NAME}}` or `{{resolve:ssm:NAME:VERSION}}`. Nothing is read here: [`Uses`] says what the caller has to read, and
//! the answers are a part of the stage that a template is read for. Secrets are never read.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::Evaluator;
use super::parameter_types::Kind;
use super::partial::{DYNAMIC, DynamicService, Need, Partial};
use super::stage::Stage;
use super::system_answers::{SystemAnswer, SystemAnswers, SystemParameter, SystemParameters};
use super::system_name::SystemName;
use super::template::PlainTemplate;
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::source_map::SourceMap;
use sluice_model::PARAMETER;

/// One place that reads a parameter of Systems Manager.
struct Use {
    place: Place,
    /// The parameter of the template that reads it, and whether it wants a list; `None` for a dynamic reference.
    parameter: Option<(String, bool)>,
}

/// What a template reads of Systems Manager on a stage.
#[derive(Default)]
pub(crate) struct Uses(BTreeMap<String, Vec<Use>>);

impl Uses {
    /// Everything that is read for what exists on the stage. Names that only the stack knows are left out, and so are parameters that
    /// nothing refers to.
    pub(crate) fn of(evaluator: &Evaluator<'_>) -> Self {
        let mut uses = Self::default();
        for (name, text, is_list) in typed(evaluator.template, &evaluator.stage) {
            uses.add(
                text,
                Use { place: Place::of(&["Parameters", name]), parameter: Some((name.into(), is_list)) },
            );
        }
        for (id, resource) in &evaluator.template.resources {
            if resource.condition.as_ref().is_some_and(|condition| evaluator.holds(condition) == Some(false))
            {
                continue;
            }
            for (key, value) in &resource.properties {
                // Reading the template reports what cannot be evaluated.
                let needs = evaluator.evaluate(value).ok().flatten().map(|value| value.needs());
                for need in needs.into_iter().flatten() {
                    if let Need::Dynamic(DynamicService::Ssm, name) = need
                        && !is_expression(&name)
                    {
                        let place = Place::of(&["Resources", id, "Properties", key]);
                        uses.add(name, Use { place, parameter: None });
                    }
                }
            }
        }
        uses
    }

    fn add(&mut self, name: String, used: Use) {
        self.0.entry(name).or_default().push(used);
    }

    /// The names that were not read yet.
    pub(crate) fn unread(&self, answers: &SystemAnswers) -> BTreeSet<String> {
        self.0.keys().filter(|name| !answers.contains_key(*name)).cloned().collect()
    }

    /// Reports names that cannot be read, and what was found that cannot be used.
    pub(crate) fn check(&self, stage: &Stage<'_>, sources: &SourceMap) -> Result<(), Vec<TemplateError>> {
        let mut findings = Findings::new(sources.clone());
        for (name, uses) in &self.0 {
            for used in uses {
                findings.take(&used.place, wrong(name, used, stage).map_or(Ok(()), Err));
            }
        }
        findings.finish(())
    }
}

/// The names in Systems Manager that reading a template for a stage needs, and what is wrong with them.
pub fn system_names(
    evaluator: &Evaluator<'_>,
    sources: &SourceMap,
) -> (BTreeSet<String>, Vec<TemplateError>) {
    let uses = Uses::of(evaluator);
    let errors = uses.check(&evaluator.stage, sources).err().unwrap_or_default();
    (uses.0.into_keys().collect(), errors)
}

/// Whether the name of a dynamic reference is an expression that only CloudFormation can evaluate.
pub(crate) fn is_expression(name: &str) -> bool {
    name.starts_with('{')
}

/// The parameters of the template that read one, and to which something refers: name, what they read, whether that is a list.
fn typed<'t>(
    template: &'t PlainTemplate,
    stage: &Stage<'_>,
) -> impl Iterator<Item = (&'t str, String, bool)> {
    let typed = template.parameters.iter().filter_map(|(name, declared)| match declared.kind {
        Kind::System { is_list } => Some((name.as_str(), is_list)),
        _ => None,
    });
    let mut typed: Vec<(&str, bool)> = typed.collect();
    if !typed.is_empty() {
        let used = template.references();
        typed.retain(|(name, _)| used.names(name));
    }
    let text =
        |(name, is_list): (&'t str, bool)| Some((name, template.parameter_text(name, stage)?, is_list));
    typed.into_iter().filter_map(text).collect::<Vec<_>>().into_iter()
}

/// What is wrong with a name or with what was found under it; `None` also if it was not read yet.
fn wrong(name: &str, used: &Use, stage: &Stage<'_>) -> Option<Violation> {
    let Stage { pipeline, name: stage_name, .. } = stage;
    let parsed = match SystemName::parse(name) {
        Ok(parsed) => parsed,
        Err(problem) => {
            let hint = "write a name such as `/orders/table`, or `/orders/table:3` for its version 3";
            return Some(parameter(
                format!("`{name}` names no parameter of Systems Manager: {problem}"),
                hint,
            ));
        }
    };
    let other = match &used.parameter {
        Some((of_template, _)) => {
            format!("set another name: `/stage set {pipeline} {stage_name} {PARAMETER}{of_template}=/path`")
        }
        None => "name another one in the template".to_owned(),
    };
    if !parsed.is_open_to(pipeline, stage_name) {
        let problem = format!("`{name}` of Systems Manager belongs to another stage or to Sluice itself");
        return Some(parameter(
            problem,
            format!("use one below `/sluice/{pipeline}/{stage_name}/`, or {other}"),
        ));
    }
    let reader = match &used.parameter {
        Some((of_template, _)) => format!("the parameter {of_template} of the template reads `{name}`"),
        None => format!("it reads `{name}`"),
    };
    let kind =
        if used.parameter.as_ref().is_some_and(|(_, is_list)| *is_list) { "StringList" } else { "String" };
    match stage.system_parameters.get(name)? {
        SystemAnswer::Missing => {
            let what = if parsed.version.is_some() {
                "which is no version of a parameter"
            } else {
                "which is no parameter"
            };
            let problem = format!("{reader}, {what} of Systems Manager in this account and region");
            let create =
                format!("`aws ssm put-parameter --type {kind} --name {} --value VALUE`", parsed.name);
            Some(parameter(problem, format!("create it: {create}, or {other}")))
        }
        SystemAnswer::Denied => {
            let problem = format!("{reader} of Systems Manager, which the account does not let Sluice read");
            let hint = format!(
                "keep the value below `/sluice/{pipeline}/{stage_name}/`, or ask an admin of the account to allow \
                 ssm:GetParameters on `{}` (docs/templates.md)",
                parsed.name
            );
            Some(parameter(problem, hint))
        }
        SystemAnswer::Secret => {
            let problem =
                format!("{reader} of Systems Manager, which is a SecureString: Sluice reads no secrets");
            let hint = match &used.parameter {
                Some((of_template, _)) => format!(
                    "give {of_template} the type `String` and pass this name to the function, which then reads the value itself"
                ),
                None => "pass this name to the function, which then reads the value itself; a resource of the stack may use \
                         `{{resolve:ssm-secure:…}}` where CloudFormation supports it"
                    .to_owned(),
            };
            Some(parameter(problem, hint))
        }
        SystemAnswer::Value(found) => unfit(name, found, used, &reader),
    }
}

/// What is wrong with a value.
fn unfit(name: &str, found: &SystemParameter, used: &Use, reader: &str) -> Option<Violation> {
    if found.value.contains(DYNAMIC) {
        let problem = format!("{reader} of Systems Manager, whose value is a dynamic reference");
        return Some(parameter(problem, format!("store the value itself in `{name}`")));
    }
    let (of_template, wants_list) = used.parameter.as_ref()?;
    let (is, wanted) = match (found.is_list, wants_list) {
        (true, false) => ("a StringList", "List<String>"),
        (false, true) => ("a String", "String"),
        _ => return None,
    };
    let problem = format!("{reader} of Systems Manager, which is {is}, but {of_template} has another type");
    Some(parameter(problem, format!("give {of_template} the type `AWS::SSM::Parameter::Value<{wanted}>`")))
}

fn parameter(problem: String, hint: impl Into<String>) -> Violation {
    Violation::new(TemplateCode::Parameter, problem, hint)
}

/// What was read, marked where the template wants it hidden.
pub(crate) fn pinned(template: &PlainTemplate, stage: &Stage<'_>) -> SystemParameters {
    let hidden: BTreeSet<String> = typed(template, stage)
        .filter_map(|(name, text, _)| template.is_no_echo(name).then_some(text))
        .collect();
    let found = stage.system_parameters.iter().filter_map(|(name, answer)| match answer {
        SystemAnswer::Value(found) => {
            Some((name.clone(), SystemParameter { is_hidden: hidden.contains(name), ..found.clone() }))
        }
        _ => None,
    });
    found.collect()
}

impl Evaluator<'_> {
    /// The text with the values of its dynamic references that were read.
    pub(super) fn with_system_values(&self, text: Partial) -> Result<Partial, Violation> {
        text.with_dynamic(&|name| {
            let value = self.stage.system_parameters.get(name).and_then(SystemAnswer::value);
            value.map(|value| self.budget.text(value.len()).map(|()| value.to_owned())).transpose()
        })
    }
}
