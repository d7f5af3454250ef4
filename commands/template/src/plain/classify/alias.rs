//! The places that name a function of Sluice's in a way that its alias has to take the place of.
//!
//! `Fn::GetAtt: [Hello, Arn]` is the alias's ARN already. A bare name where an invocation goes, `$LATEST`, the number of a
//! version or the template's own alias is not: the writer of the stack's template and of the roles puts the alias there. The same
//! goes for the function's literal name, because Sluice names functions itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::partial::Attribute;
use super::super::references::{Piece, pieces};
use super::dropped::{function_of, target_property};
use super::graph::Graph;
use super::kinds::{ALIAS, FUNCTION, VERSION};
use super::split::{Notice, Part, Split};

/// Shorter names of functions occur in other words too often.
const SHORTEST_NAME: usize = 4;

/// A set of places: (logical id, property).
type Places = BTreeSet<(String, String)>;

pub(super) fn notices(graph: &Graph<'_>, split: &Split) -> Vec<Notice> {
    let (mut places, mut literal) = (Places::new(), Places::new());
    let names = literal_names(graph, split);
    for (logical_id, resource) in graph.resources() {
        let is_read = matches!(
            split.part(logical_id),
            Some(Part::Stack | Part::Role | Part::Policy(_) | Part::Api | Part::Function)
        );
        if !is_read || matches!(resource.kind.as_str(), VERSION | ALIAS) {
            continue;
        }
        let target = target_property(&resource.kind).filter(|_| {
            function_of(graph, logical_id).is_some_and(|id| split.part(&id) == Some(&Part::Function))
        });
        for (key, value) in &resource.properties {
            let is_function = split.part(logical_id) == Some(&Part::Function);
            let is_target = target == Some(key.as_str()) && !names_arn(graph, logical_id, key);
            let is_qualifier = target.is_some() && key == "Qualifier";
            if !is_function && (is_target || is_qualifier || names_other(value, split)) {
                places.insert((logical_id.to_owned(), key.clone()));
            }
            let own_name = resource.kind == FUNCTION && key == "FunctionName";
            if !own_name && names.iter().any(|(id, name)| id != logical_id && names_literally(value, name)) {
                literal.insert((logical_id.to_owned(), key.clone()));
            }
        }
    }
    let sets = [
        (places.is_empty(), Notice::NeedsAlias(places)),
        (literal.is_empty(), Notice::LiteralFunctionName(literal)),
    ];
    sets.into_iter().filter(|(is_empty, _)| !is_empty).map(|(_, notice)| notice).collect()
}

/// Whether a property names its function by the ARN, or by a version or an alias that becomes the ARN of Sluice's.
fn names_arn(graph: &Graph<'_>, logical_id: &str, property: &str) -> bool {
    let mut edges = graph.edges(logical_id).iter().filter(|edge| edge.property == property);
    edges.any(|edge| edge.attribute != Attribute::Ref || !graph.is(&edge.to, FUNCTION))
}

/// The literal names that the template gives to functions of Sluice's.
fn literal_names(graph: &Graph<'_>, split: &Split) -> BTreeMap<String, String> {
    let functions = graph.resources().filter(|(id, _)| split.part(id) == Some(&Part::Function));
    let names = functions.filter_map(|(id, resource)| {
        let name = graph.evaluator.evaluate(resource.properties.get("FunctionName")?).ok()??;
        let name = name.known_str().filter(|name| name.len() >= SHORTEST_NAME)?;
        Some((id.to_owned(), name.to_owned()))
    });
    names.collect()
}

/// Whether a text holds a name as a whole word.
fn names_literally(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text.match_indices(name).any(|(at, _)| {
            let is_part = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        }),
        Value::Array(items) => items.iter().any(|item| names_literally(item, name)),
        Value::Object(map) => map.values().any(|value| names_literally(value, name)),
        _ => false,
    }
}

/// Whether a text names `$LATEST`, puts something after the name or the ARN of a function, as `${Hello.Arn}:live` does, or makes
/// an ARN of its bare name.
fn names_other(value: &Value, split: &Split) -> bool {
    match value {
        Value::String(text) => text.contains("$LATEST"),
        Value::Array(items) => items.iter().any(|item| names_other(item, split)),
        Value::Object(map) => map.iter().any(|(key, argument)| {
            let text = match argument {
                Value::Array(items) => items.first(),
                argument => Some(argument),
            };
            let is_qualified = match text {
                Some(Value::String(text)) if key == "Fn::Sub" => qualified(text, split),
                _ => false,
            };
            is_qualified || names_other(argument, split)
        }),
        _ => false,
    }
}

fn qualified(text: &str, split: &Split) -> bool {
    let is_direct = |name: &str| {
        let id = name.split_once('.').map_or(name, |(id, _)| id);
        split.part(id) == Some(&Part::Function)
    };
    let pieces: Vec<Piece<'_>> = pieces(text).collect();
    pieces.windows(2).any(|pair| match pair {
        [Piece::Name(name), Piece::Text(after)] => is_direct(name) && after.starts_with(':'),
        [Piece::Text(before), Piece::Name(name)] => is_direct(name) && before.ends_with(":function:"),
        _ => false,
    })
}
