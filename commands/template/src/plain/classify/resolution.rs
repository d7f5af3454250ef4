//! How a reference to a resource is resolved once the template is taken apart, and the references that cannot be.

use std::collections::BTreeSet;

use super::super::partial::Attribute;
use super::super::references::References;
use super::graph::{Graph, place_of};
use super::kinds::{ALIAS, VERSION};
use super::split::{Notice, Part, Resolution, Split, Why};
use crate::error::{Findings, Place, TemplateCode, Violation};

impl Split {
    /// How a reference to an attribute of a resource is resolved.
    pub fn resolution(&self, logical_id: &str, attribute: &Attribute) -> Resolution {
        let never = |reason: &str| Resolution::Never(reason.to_owned());
        let named = match attribute {
            Attribute::Ref => "Ref",
            Attribute::Named(attribute) => attribute.as_str(),
        };
        match self.part(logical_id) {
            None => never("is not in the template"),
            Some(Part::Absent) => never("does not exist on this stage: its condition does not hold"),
            Some(Part::Stack) => Resolution::Stack,
            Some(Part::Function) => match named {
                "Ref" => Resolution::Direct,
                "Arn" => Resolution::AliasArn(logical_id.to_owned()),
                _ => never("is not known before the function is published"),
            },
            Some(Part::Role) => match named {
                "Ref" | "Arn" | "RoleId" => Resolution::Direct,
                _ => never("is not an attribute of a role"),
            },
            Some(Part::Policy(_)) => never("is a part of its role"),
            Some(Part::Layer | Part::Api | Part::ApiStage(_)) => Resolution::Direct,
            Some(Part::ApiDeployment(_)) => never("changes with every release"),
            Some(Part::Dropped(Why::Version(function) | Why::Alias(function))) => match named {
                "Ref" | "AliasArn" | "FunctionArn" => Resolution::AliasArn(function.clone()),
                _ => never("changes with every release"),
            },
            Some(Part::Dropped(Why::ApiPermission | Why::DeploymentPreference)) => {
                never("is dropped: Sluice takes its place")
            }
            Some(Part::Dropped(Why::AccountSetting)) => {
                never("is dropped: it belongs to the whole account and region, not to a stage")
            }
        }
    }
}

/// Properties of versions and aliases that Sluice's own have.
const REPLACED: [&str; 5] = ["CodeSha256", "Description", "FunctionName", "FunctionVersion", "Name"];

/// Reports references that cannot be resolved, and lists what is dropped.
pub(super) fn check(graph: &Graph<'_>, split: &mut Split, findings: &mut Findings) {
    for (logical_id, _) in graph.resources() {
        let Some(part) = split.part(logical_id).filter(|part| !matches!(part, Part::Dropped(_))) else {
            continue;
        };
        for edge in graph.edges(logical_id) {
            let own = match (part, split.part(&edge.to)) {
                (Part::ApiStage(api), Some(Part::ApiDeployment(of))) => api == of,
                // A policy's own list of roles, and a role's list of policies, are replaced by folding.
                (Part::Role, Some(Part::Policy(_))) => edge.property == "ManagedPolicyArns",
                _ => false,
            };
            if let (false, Resolution::Never(reason)) = (own, split.resolution(&edge.to, &edge.attribute)) {
                let what = match &edge.attribute {
                    Attribute::Ref => edge.to.clone(),
                    Attribute::Named(attribute) => format!("{}.{attribute}", edge.to),
                };
                let place = place_of(logical_id).key("Properties").key(&edge.property);
                let hint = "remove the reference, or refer to the function or the API itself";
                findings
                    .add(&place, Violation::new(TemplateCode::Reference, format!("`{what}` {reason}"), hint));
            }
        }
    }
    let dropped = split.placements.iter().filter(|(_, placement)| matches!(placement.part, Part::Dropped(_)));
    let dropped: BTreeSet<String> = dropped.map(|(id, _)| id.clone()).collect();
    let outputs = outputs(graph, split, findings);
    let mut settings = BTreeSet::new();
    for id in &dropped {
        let resource =
            graph.resource(id).filter(|resource| matches!(resource.kind.as_str(), VERSION | ALIAS));
        let keys = resource.into_iter().flat_map(|resource| resource.properties.keys());
        settings.extend(
            keys.filter(|key| !REPLACED.contains(&key.as_str())).map(|key| (id.clone(), key.clone())),
        );
    }
    let sets = [
        (dropped.is_empty(), Notice::Dropped(dropped)),
        (settings.is_empty(), Notice::DroppedSettings(settings)),
        (outputs.is_empty(), Notice::DroppedOutputs(outputs)),
    ];
    split.notices.extend(sets.into_iter().filter(|(is_empty, _)| !is_empty).map(|(_, notice)| notice));
}

/// The outputs that name something that changes with each release. They are dropped; those that name an absent resource are an
/// error, as in CloudFormation.
fn outputs(graph: &Graph<'_>, split: &Split, findings: &mut Findings) -> BTreeSet<String> {
    let mut dropped = BTreeSet::new();
    for (name, output) in &graph.evaluator.template.outputs {
        let exists =
            output.condition.as_ref().is_none_or(|condition| graph.decided.get(condition) == Some(&true));
        if !exists {
            continue;
        }
        for reference in References::of(&output.value, &graph.decided).values {
            if !split.placements.contains_key(&reference.name) {
                continue;
            }
            let Resolution::Never(reason) = split.resolution(&reference.name, &reference.attribute) else {
                continue;
            };
            if split.part(&reference.name) == Some(&Part::Absent) {
                let problem = format!("`{}` {reason}", reference.name);
                let hint = "give the output the same condition";
                findings.add(
                    &Place::of(&["Outputs", name]),
                    Violation::new(TemplateCode::Reference, problem, hint),
                );
            } else {
                dropped.insert(name.clone());
            }
        }
    }
    dropped
}
