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

/// The properties that Lambda refuses for a container image, and what to do instead: the image has its runtime and everything that a
/// layer would add (<https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html>).
const NOT_OF_IMAGES: [(&str, &str); 6] = [
    ("CodeSigningConfigArn", "remove it: code signing is for zip archives"),
    (
        "Handler",
        "remove it, and set the handler in the image: `CMD` of its Dockerfile, or ImageConfig.Command",
    ),
    ("Layers", "remove it, and copy the layer's content into the image"),
    ("Runtime", "remove it: the image has its runtime"),
    ("RuntimeManagementConfig", "remove it: the image has its runtime"),
    ("SnapStart", "remove it"),
];

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
        let package = self.values.remove("PackageType");
        let code = self.code(findings);
        let is_image = match &code {
            Some(code) => matches!(code, PlainCode::Image { .. }),
            None => package.as_ref().is_some_and(|package| package.known_str() == Some("Image")),
        };
        if code.is_some() {
            self.check_package(is_image, package.as_ref(), findings);
        }
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
            true => {
                self.values.retain(|property, _| !NOT_OF_IMAGES.iter().any(|(name, _)| name == property));
                (None, None)
            }
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

    /// Refuses what contradicts the kind of the function's code, and what Lambda does not take for that kind.
    fn check_package(&self, is_image: bool, package: Option<&Partial>, findings: &mut Findings) {
        let mut refuse = |property: &str, problem: &str, hint: &str| {
            let wrong = Violation::new(TemplateCode::Unsupported, problem, hint);
            findings.add(&self.place.key(property), wrong);
        };
        if let Some(package) = package {
            let fits = package.known_str() == Some(if is_image { "Image" } else { "Zip" });
            if !fits {
                let code = if is_image { "an image" } else { "a zip archive" };
                let problem = format!("PackageType does not fit the code, which is {code}");
                refuse("PackageType", &problem, "correct PackageType, or name the code that it is for");
            }
        }
        if !is_image {
            if self.values.contains_key("ImageConfig") {
                refuse(
                    "ImageConfig",
                    "ImageConfig is for images alone",
                    "remove it, or name an image in ImageUri",
                );
            }
            return;
        }
        for (property, hint) in NOT_OF_IMAGES {
            let is_set = self.values.get(property).is_some_and(|value| {
                let known = value.known();
                property != "SnapStart" || known.is_none_or(|known| known["ApplyOn"] != "None")
            });
            if is_set {
                let problem = format!("Lambda does not take {property} for a container image");
                refuse(property, &problem, hint);
            }
        }
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
            (Some(uri), None, None) => match parts.keys().next() {
                None => Ok(PlainCode::Image { uri }),
                Some(setting) => {
                    let problem = format!("an image has no setting `{setting}` of its code");
                    Err(Violation::new(TemplateCode::Code, problem, "remove it"))
                }
            },
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
