//! One function of an application, complete: every value is known.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{AppFunction, AppLayerRef};
use super::reading::{Reading, known};
use super::{code, layers, roles};
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::names::function_name;
use crate::plain::{Evaluator, Field, Partial, PlainFunction, SourceMap};
use crate::{runtimes, shape};

/// The tags that Sluice itself sets.
const OWN_TAGS: &str = "sluice:";

/// Reads one function; `None` if something is wrong with it.
pub(super) fn read(
    reading: &Reading<'_>,
    logical_id: &str,
    evaluator: &Evaluator<'_>,
    sources: &SourceMap,
    findings: &mut Findings,
) -> Option<AppFunction> {
    let stage = reading.deploying.stage;
    let function = match PlainFunction::read(logical_id, evaluator, sources) {
        Ok(function) => function,
        Err(errors) => {
            findings.extend(errors);
            return None;
        }
    };
    let rights = roles::rights(reading, logical_id, &function.role, evaluator, findings);
    let mut values =
        Values { place: Place::of(&["Resources", logical_id, "Properties"]), reading, evaluator, findings };
    let runtime = values.text("Runtime", function.runtime).and_then(|runtime| {
        let unknown = runtime.as_ref().filter(|runtime| !runtimes::names().any(|known| known == *runtime));
        let known = unknown.map_or(Ok(()), |runtime| Err(bad_runtime(runtime)));
        values.check("Runtime", known.map(|()| runtime))
    });
    let handler = values.text("Handler", function.handler);
    let description = values.text("Description", function.description);
    let architecture = values.field("Architectures", function.architecture);
    let memory = values.field("MemorySize", function.memory);
    let timeout = values.field("Timeout", function.timeout);
    let environment = values.field("Environment", function.environment).map(|variables| {
        let text = |(name, value)| Some((name, values.text("Environment", Some(value))??));
        variables.into_iter().filter_map(text).collect::<BTreeMap<String, String>>()
    });
    let layers = values.field("Layers", function.layers).map(|entries| {
        let entry = |layer| values.check("Layers", layers::reference(reading, layer));
        entries.into_iter().filter_map(entry).collect::<Vec<AppLayerRef>>()
    });
    let tags = function.tags.into_iter();
    let tags = tags.filter_map(|(key, value)| {
        let own = format!("the tag {key} is Sluice's own");
        let own = Violation::new(TemplateCode::Value, own, "choose another key");
        let key = values.check("Tags", if key.starts_with(OWN_TAGS) { Err(own) } else { Ok(key) })?;
        Some((key, values.text("Tags", Some(value))??))
    });
    let tags = tags.collect();
    let mut members = |members: BTreeMap<String, Partial>| {
        let members = members.into_iter();
        let members = members.filter_map(|(name, value)| {
            let value = values.check(&name, reading.settled(value, evaluator))?;
            Some((name, value))
        });
        members.collect::<BTreeMap<String, Value>>()
    };
    let (settings, at_creation) = (members(function.configuration), members(function.at_creation));
    let separate = members(function.separate);
    let code = code::read(logical_id, function.code, reading);
    let (code, code_settings) = values.check("Code", code).unzip();
    Some(AppFunction {
        logical_id: logical_id.to_owned(),
        name: function_name(stage.pipeline, stage.name, logical_id),
        runtime: runtime?,
        handler: handler?,
        description: description?.unwrap_or_default(),
        memory: memory?,
        timeout: timeout?,
        architecture: architecture?,
        environment: environment?,
        layers: layers?,
        tags,
        settings,
        at_creation,
        separate,
        rights: rights?,
        code: code?,
        code_settings: code_settings?,
    })
}

/// The values of one function's properties.
struct Values<'a> {
    place: Place,
    reading: &'a Reading<'a>,
    evaluator: &'a Evaluator<'a>,
    findings: &'a mut Findings,
}

impl Values<'_> {
    fn check<T>(&mut self, property: &str, value: Result<T, Violation>) -> Option<T> {
        self.findings.take(&self.place.key(property), value)
    }

    /// A string that may be left out. The outer `None` is an error.
    #[expect(clippy::option_option, reason = "left out, or wrong")]
    fn text(&mut self, property: &str, value: Option<Partial>) -> Option<Option<String>> {
        let settled = |value| self.reading.settled(value, self.evaluator);
        let text = value.map(|value| shape::scalar(&settled(value)?)).transpose();
        self.check(property, text)
    }

    fn field<T>(&mut self, property: &str, value: Field<T>) -> Option<T> {
        let value = match value {
            Field::Known(value) => Ok(value),
            // No stack gives a value that is not a text.
            Field::Deferred(value) => known(value).and_then(|_: Value| Err(Violation::consequence())),
        };
        self.check(property, value)
    }
}

fn bad_runtime(runtime: &str) -> Violation {
    Violation::new(
        TemplateCode::Value,
        format!("the runtime `{runtime}` is unknown"),
        format!("use one of {}", runtimes::names().collect::<Vec<_>>().join(", ")),
    )
}
