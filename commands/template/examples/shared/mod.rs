//! What the examples share: values for parameters that have no default.

use std::collections::BTreeMap;

use sluice_template::plain::{ParameterValues, PlainTemplate, SourceMap, Stage};

/// The first of these that is allowed is the value.
const CANDIDATES: [&str; 12] = [
    "value",
    "1",
    "value1234567",
    "dev",
    "10.0.0.0/16",
    "a@example.org",
    "example.org",
    "123456789012",
    "vpc-0123456789abcdef0",
    "vol-0123456789abcdef0",
    "i-0123456789abcdef0",
    "fsvol-1",
];

/// Values for the parameters of a template that have no default.
pub(crate) fn parameters(
    template: &PlainTemplate,
    stage: &Stage<'_>,
    sources: &SourceMap,
) -> BTreeMap<String, String> {
    let names: Vec<String> = template.parameter_names().map(str::to_owned).collect();
    let mut parameters = BTreeMap::new();
    for candidate in CANDIDATES {
        let values = ParameterValues::of(template, &Stage { parameters: &parameters, ..*stage }, sources);
        let Err(errors) = values else { break };
        let text: String = errors.iter().map(ToString::to_string).collect();
        let missing: Vec<String> =
            names.iter().filter(|name| text.contains(&format!("parameter {name} "))).cloned().collect();
        parameters.extend(missing.into_iter().map(|name| (name, candidate.to_owned())));
    }
    parameters
}
