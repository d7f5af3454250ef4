//! Reads one `AWS::Lambda::Function`: evaluates its properties, and checks what Lambda would refuse later.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::evaluate::Evaluator;
use super::function::{CodeObject, Field, PlainCode, PlainFunction};
use super::function_properties::{self, Handling};
use super::partial::Partial;
use super::variables::{ENVIRONMENT_BYTES, variable_name};
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::shape;
use crate::source_map::SourceMap;

/// Megabytes. The upper limit is that of Lambda Managed Instances; Lambda itself checks the lower one of other functions.
const MEMORY: RangeInclusive<u32> = 128..=32_768;
/// Seconds.
const TIMEOUT: RangeInclusive<u32> = 1..=900;

impl PlainFunction {
    /// Reads the function of that logical id.
    ///
    /// # Errors
    ///
    /// Each property that is missing, wrong, unknown or refused, with its place.
    pub fn read(
        logical_id: &str,
        evaluator: &Evaluator<'_>,
        sources: &SourceMap,
    ) -> Result<Self, Vec<TemplateError>> {
        let mut findings = Findings::new(sources.clone());
        let function = Reader::new(logical_id, evaluator, &mut findings)
            .and_then(|reader| reader.function(&mut findings));
        match function {
            Some(function) => findings.finish(function),
            None => {
                // Whatever is missing was reported; this is the error if it was not.
                findings.add(&Place::of(&["Resources", logical_id]), Violation::consequence());
                findings.finish(()).and_then(|()| Err(Vec::new()))
            }
        }
    }
}

/// The evaluated properties of one function.
struct Reader {
    logical_id: String,
    place: Place,
    values: BTreeMap<String, Partial>,
}

impl Reader {
    /// Evaluates every property, with the types of the API.
    fn new(logical_id: &str, evaluator: &Evaluator<'_>, findings: &mut Findings) -> Option<Self> {
        let place = Place::of(&["Resources", logical_id, "Properties"]);
        let resource = evaluator.template.resources.get(logical_id);
        let Some(resource) = resource.filter(|resource| resource.kind == "AWS::Lambda::Function") else {
            let problem = format!("`{logical_id}` is not a function of the template");
            findings.add(&place, Violation::new(TemplateCode::Reference, problem, "name a function"));
            return None;
        };
        let mut values = BTreeMap::new();
        for (property, value) in &resource.properties {
            let read = function_properties::handling(property)
                .and_then(|_| evaluator.evaluate(value))
                .and_then(|value| value.map(|value| function_properties::typed(property, value)).transpose());
            if let Some(Some(value)) = findings.take(&place.key(property), read) {
                values.insert(property.clone(), value);
            }
        }
        Some(Self { logical_id: logical_id.to_owned(), place, values })
    }

    fn function(mut self, findings: &mut Findings) -> Option<PlainFunction> {
        let code = self.code(findings);
        let package = self.values.remove("PackageType");
        let is_image = matches!(code, Some(PlainCode::Image { .. }))
            || package.is_some_and(|package| package.known_str() == Some("Image"));
        let (mut configuration, mut at_creation, mut separate) =
            <(BTreeMap<_, _>, BTreeMap<_, _>, BTreeMap<_, _>)>::default();
        for (property, handling) in function_properties::PROPERTIES {
            match handling {
                Handling::Configuration(name) => {
                    configuration.extend(self.values.remove(property).map(|value| (name.to_owned(), value)));
                }
                Handling::AtCreation => at_creation.extend(self.values.remove_entry(property)),
                Handling::Separate(_) => separate.extend(self.values.remove_entry(property)),
                Handling::Typed | Handling::Refused(_) => {}
            }
        }
        let (runtime, handler) = match is_image {
            true => (None, None),
            false => (self.required("Runtime", findings), self.required("Handler", findings)),
        };
        let role = self.required("Role", findings);
        let architecture = self.architecture(findings);
        let memory = self.whole("MemorySize", 128, MEMORY, findings);
        let timeout = self.whole("Timeout", 3, TIMEOUT, findings);
        let environment = self.environment(findings);
        let tags = self.tags(findings);
        Some(PlainFunction {
            given_name: self.values.remove("FunctionName"),
            description: self.values.remove("Description"),
            layers: match self.values.remove("Layers") {
                None => Field::Known(Vec::new()),
                Some(Partial::Known(Value::Array(layers))) => {
                    Field::Known(layers.into_iter().map(Partial::Known).collect())
                }
                Some(Partial::List(layers)) => Field::Known(layers),
                Some(layers) => Field::Deferred(layers),
            },
            logical_id: self.logical_id,
            code: code?,
            runtime,
            handler,
            architecture: architecture?,
            memory: memory?,
            timeout: timeout?,
            role: role?,
            environment: environment?,
            tags,
            configuration,
            at_creation,
            separate,
        })
    }

    fn required(&mut self, property: &str, findings: &mut Findings) -> Option<Partial> {
        let value = self.values.remove(property);
        if value.is_none() {
            let problem = format!("the function has no {property}");
            let hint = format!("write {property} in its Properties");
            // Its own error was recorded if the property is there.
            findings.add(&self.place.key(property), Violation::new(TemplateCode::Missing, problem, hint));
        }
        value
    }

    fn code(&mut self, findings: &mut Findings) -> Option<PlainCode> {
        let place = self.place.key("Code");
        let mut parts: BTreeMap<String, Partial> = match self.required("Code", findings)? {
            Partial::Known(Value::Object(map)) => {
                map.into_iter().map(|(key, value)| (key, Partial::Known(value))).collect()
            }
            Partial::Map(pairs) => pairs.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let wrong = |problem: &str| {
            Violation::new(
                TemplateCode::Code,
                problem,
                "package it with sluice-package, which uploads the code",
            )
        };
        if parts.contains_key("ZipFile") {
            findings.add(&place, wrong("the code is written in the template"));
            return None;
        }
        let code = match (parts.remove("ImageUri"), parts.remove("S3Bucket"), parts.remove("S3Key")) {
            (Some(uri), None, None) => Ok(PlainCode::Image { uri }),
            (None, Some(bucket), Some(key)) => {
                let version = parts.remove("S3ObjectVersion");
                Ok(PlainCode::Object(Box::new(CodeObject { bucket, key, version, settings: parts })))
            }
            _ => Err(wrong("the code is neither an object in S3 nor an image")),
        };
        findings.take(&place, code)
    }

    fn whole(
        &mut self,
        property: &str,
        default: u32,
        limits: RangeInclusive<u32>,
        findings: &mut Findings,
    ) -> Option<Field<u32>> {
        let value = match self.values.remove(property) {
            None => return Some(Field::Known(default)),
            Some(Partial::Known(value)) => value,
            Some(deferred) => return Some(Field::Deferred(deferred)),
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| limits.contains(number)).map(Field::Known).ok_or_else(|| {
            let hint = format!("write a whole number from {} to {}", limits.start(), limits.end());
            Violation::new(TemplateCode::Value, format!("{property} is `{value}`"), hint)
        });
        findings.take(&self.place.key(property), number)
    }

    fn architecture(&mut self, findings: &mut Findings) -> Option<Field<String>> {
        let value = match self.values.remove("Architectures") {
            None => return Some(Field::Known("x86_64".to_owned())),
            Some(Partial::Known(value)) => value,
            Some(deferred) => return Some(Field::Deferred(deferred)),
        };
        let one = match value.as_array().map(Vec::as_slice) {
            Some([one]) => one.as_str().filter(|one| matches!(*one, "x86_64" | "arm64")),
            _ => None,
        };
        let one = one.map(|one| Field::Known(one.to_owned())).ok_or_else(|| {
            Violation::new(
                TemplateCode::Value,
                format!("Architectures is {value}"),
                "write [x86_64] or [arm64]",
            )
        });
        findings.take(&self.place.key("Architectures"), one)
    }

    fn environment(&mut self, findings: &mut Findings) -> Option<Field<BTreeMap<String, Partial>>> {
        let place = self.place.key("Environment").key("Variables");
        let variables = match self.values.remove("Environment") {
            None => return Some(Field::Known(BTreeMap::new())),
            Some(Partial::Known(Value::Object(mut map))) => map.remove("Variables").map(Partial::Known),
            Some(Partial::Map(pairs)) => {
                pairs.into_iter().find(|(key, _)| key == "Variables").map(|(_, value)| value)
            }
            Some(deferred) => return Some(Field::Deferred(deferred)),
        };
        let pairs: Vec<(String, Partial)> = match variables {
            None => Vec::new(),
            Some(Partial::Known(Value::Object(map))) => {
                map.into_iter().map(|(name, value)| (name, Partial::Known(value))).collect()
            }
            Some(Partial::Map(pairs)) => pairs,
            Some(deferred) => return Some(Field::Deferred(deferred)),
        };
        let mut environment = BTreeMap::new();
        let mut bytes = 0;
        for (name, value) in pairs {
            let text = variable_name(&name).and_then(|()| match value {
                Partial::Known(value) => shape::scalar(&value).map(|text| Partial::Known(text.into())),
                Partial::List(_) | Partial::Map(_) => Err(Violation::new(
                    TemplateCode::Shape,
                    "a variable is a string",
                    "join the list with Fn::Join",
                )),
                deferred => Ok(deferred),
            });
            let Some(text) = findings.take(&place.key(&name), text) else { continue };
            bytes += name.len() + text.known_str().map_or(0, str::len);
            environment.insert(name, text);
        }
        if bytes > ENVIRONMENT_BYTES {
            let problem =
                format!("the environment has {bytes} bytes, and Lambda's limit is {ENVIRONMENT_BYTES}");
            let hint = "keep large settings in a file of the package";
            findings.add(&place, Violation::new(TemplateCode::Value, problem, hint));
        }
        Some(Field::Known(environment))
    }

    /// Tags are a list of keys and values in a template, and a mapping in Lambda's API.
    fn tags(&mut self, findings: &mut Findings) -> BTreeMap<String, Partial> {
        let items: Vec<Partial> = match self.values.remove("Tags") {
            None => Vec::new(),
            Some(Partial::Known(Value::Array(items))) => items.into_iter().map(Partial::Known).collect(),
            Some(Partial::List(items)) => items,
            Some(_) => vec![Partial::Known(Value::Null)],
        };
        let mut tags = BTreeMap::new();
        for item in items {
            let mut parts: BTreeMap<String, Partial> = match item {
                Partial::Known(Value::Object(map)) => {
                    map.into_iter().map(|(key, value)| (key, Partial::Known(value))).collect()
                }
                Partial::Map(pairs) => pairs.into_iter().collect(),
                _ => BTreeMap::new(),
            };
            let key = parts.remove("Key").and_then(|key| key.known_str().map(str::to_owned));
            match (key, parts.remove("Value")) {
                (Some(key), Some(value)) => _ = tags.insert(key, value),
                _ => {
                    let problem = "a tag has no Key and Value that are known here";
                    let hint = "write `{\"Key\": \"team\", \"Value\": \"orders\"}`";
                    findings.add(&self.place.key("Tags"), Violation::new(TemplateCode::Shape, problem, hint));
                }
            }
        }
        tags
    }
}
