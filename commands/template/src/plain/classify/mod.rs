//! Where each resource of a plain template belongs: each exactly once.
//!
//! | part | meaning |
//! |---|---|
//! | direct | Sluice creates it with calls of its own: functions, their roles and policies, layers, APIs with a body |
//! | dropped | Sluice's own versions, aliases and credentials take its place, or it is a setting of the whole account |
//! | stack | CloudFormation creates it, in the stage's stack |
//! | absent | its condition does not hold on this stage |
//!
//! What stays in the stack and calls functions is marked as held for WIRE, the pass after the move. A function that the stack
//! itself invokes while it is updated stays in the stack with everything that belongs to it, because CloudFormation has to
//! order those. The result depends on the template and the stage only, not on the order of the resources.

mod alias;
mod apis;
mod attached;
mod attention;
mod dropped;
mod graph;
mod hold;
mod infrastructure;
pub(in crate::plain) mod kinds;
pub(in crate::plain) mod names;
mod resolution;
mod roles;
mod security;
mod split;
mod targets;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use split::{Attention, FixedName, Held, NameOrigin, Notice, Part, Placement, Resolution, Split, Why};

pub(in crate::plain) use targets::{Target, targets};

use super::evaluate::Evaluator;
use crate::error::{Findings, TemplateError};
use crate::source_map::SourceMap;
use graph::Graph;

/// Takes a template apart for a stage. The evaluator's conditions decide what exists; nothing else has to be known.
///
/// # Errors
///
/// Resources that Sluice refuses, and references that nothing could resolve, each with its place.
pub fn classify(evaluator: &Evaluator<'_>, sources: &SourceMap) -> Result<Split, Vec<TemplateError>> {
    match classify_all(evaluator, sources) {
        (split, errors) if errors.is_empty() => Ok(split),
        (_, errors) => Err(errors),
    }
}

/// As [`classify`], for a report: the errors do not hide the places of the other resources. Nothing may be deployed from a split with
/// errors.
pub fn classify_all(evaluator: &Evaluator<'_>, sources: &SourceMap) -> (Split, Vec<TemplateError>) {
    let mut findings = Findings::new(sources.clone());
    let graph = Graph::of(evaluator, &mut findings);
    let infrastructure = infrastructure::of(&graph);
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for logical_id in evaluator.template.resources.keys() {
        let part = if graph.is_present(logical_id) { Part::Stack } else { Part::Absent };
        parts.insert(logical_id.clone(), part);
    }
    for (logical_id, resource) in graph.resources() {
        let part = match resource.kind.as_str() {
            kinds::FUNCTION if !infrastructure.contains(logical_id) => Part::Function,
            kinds::LAYER => Part::Layer,
            _ => continue,
        };
        parts.insert(logical_id.to_owned(), part);
    }
    apis::place(&graph, &mut parts);
    dropped::place(&graph, &mut parts);
    roles::place(&graph, &mut parts);

    let mut notices = Vec::new();
    let placements = hold::hold(&graph, &infrastructure, parts, &mut notices);
    let mut names = names::of(&graph);
    let in_stack = |id: &str| placements.get(id).is_some_and(|placement| placement.part == Part::Stack);
    names.retain(|name| name.is_export || in_stack(&name.logical_id));
    let mut split = Split { placements, names, notices, attention: Vec::new() };
    security::check(&graph, &split, &mut findings);
    split.attention = attention::of(&graph, &split);
    resolution::check(&graph, &mut split, &mut findings);
    roles::report_shared(&graph, &mut split);
    let aliases = alias::notices(&graph, &split);
    split.notices.extend(aliases);
    split.notices.sort();
    let errors = findings.finish(()).err().unwrap_or_default();
    (split, errors)
}
