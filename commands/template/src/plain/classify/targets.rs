//! The resources of the stack that belong to a function of Sluice's: permissions, event sources, URLs.

use std::collections::BTreeMap;

use super::super::evaluate::Evaluator;
use super::dropped::{function_of, target_property};
use super::graph::Graph;
use super::split::{Part, Split};
use crate::error::Findings;
use crate::source_map::SourceMap;

/// What a resource belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plain) struct Target {
    /// The property that names the function.
    pub(in crate::plain) property: &'static str,
    /// The logical id of the function, one that Sluice creates.
    pub(in crate::plain) function: String,
}

/// The resources of the stack that belong to a function of Sluice's, by logical id.
pub(in crate::plain) fn targets(evaluator: &Evaluator<'_>, split: &Split) -> BTreeMap<String, Target> {
    // What the graph would report was reported by the split already.
    let graph = Graph::of(evaluator, &mut Findings::new(SourceMap::default()));
    let of_stack = graph.resources().filter(|(id, _)| split.part(id) == Some(&Part::Stack));
    let found = of_stack.filter_map(|(id, resource)| {
        let property = target_property(&resource.kind)?;
        let function = function_of(&graph, id)?;
        (split.part(&function) == Some(&Part::Function))
            .then(|| (id.to_owned(), Target { property, function }))
    });
    found.collect()
}
