//! Layers of an application: each is a version with pinned content, which never changes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::code::{self, Pinned};
use super::model::{AppLayer, AppLayerRef};
use super::reading::{Reading, known};
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::names::layer_name;
use crate::plain::{Attribute, CodeObject, Evaluator, Need, Part, Partial};
use crate::shape;

/// The properties of a layer in CloudFormation.
const PROPERTIES: [&str; 6] =
    ["CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LayerName", "LicenseInfo"];
/// The longest lists and texts that Lambda takes
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html>).
const MOST_RUNTIMES: usize = 15;
const MOST_ARCHITECTURES: usize = 2;
const LONGEST_DESCRIPTION: usize = 256;
const LONGEST_LICENSE: usize = 512;

/// Reads one layer; `None` if something is wrong with it.
pub(super) fn read(
    reading: &Reading<'_>,
    logical_id: &str,
    evaluator: &Evaluator<'_>,
    findings: &mut Findings,
) -> Option<AppLayer> {
    let properties = &reading.template.resources.get(logical_id)?.properties;
    let place = Place::of(&["Resources", logical_id, "Properties"]);
    shape::only(properties, &PROPERTIES, &place, findings, |_| {
        "remove it, or correct its name; a newer property needs a newer Sluice".to_owned()
    });
    let mut layer = Properties { place, properties, evaluator, findings };
    let description = layer.text("Description", LONGEST_DESCRIPTION);
    let license = layer.text("LicenseInfo", LONGEST_LICENSE);
    let runtimes = layer.list("CompatibleRuntimes", MOST_RUNTIMES);
    let architectures = layer.list("CompatibleArchitectures", MOST_ARCHITECTURES);
    let given = layer.text("LayerName", usize::MAX);
    let content = layer.content(reading, logical_id);
    Some(AppLayer {
        name: layer_name(reading.deploying.stage.pipeline, given?.as_deref().unwrap_or(logical_id)),
        content: content?,
        description: description?.unwrap_or_default(),
        runtimes: runtimes?,
        architectures: architectures?,
        license: license?.unwrap_or_default(),
    })
}

/// An entry of a function's `Layers`.
pub(super) fn reference(reading: &Reading<'_>, layer: Partial) -> Result<AppLayerRef, Violation> {
    if let Partial::Deferred(deferred) = &layer
        && let Some(Need::Resource { logical_id, attribute }) = deferred.needs.first()
        && deferred.needs.len() == 1
        && reading.split.part(logical_id) == Some(&Part::Layer)
        && is_plain(&deferred.expression, attribute)
    {
        return Ok(AppLayerRef::Own { layer: logical_id.clone() });
    }
    shape::scalar(&known(layer)?).map(AppLayerRef::Arn)
}

/// Whether an expression is the ARN of a layer's version and nothing around it.
fn is_plain(expression: &Value, attribute: &Attribute) -> bool {
    match attribute {
        Attribute::Ref => expression.get("Ref").is_some(),
        Attribute::Named(name) => name == "LayerVersionArn" && expression.get("Fn::GetAtt").is_some(),
    }
}

/// The properties of one layer.
struct Properties<'a> {
    place: Place,
    properties: &'a Map<String, Value>,
    evaluator: &'a Evaluator<'a>,
    findings: &'a mut Findings,
}

impl Properties<'_> {
    /// The outer `None` is an error.
    #[expect(clippy::option_option, reason = "left out, or wrong")]
    fn evaluated(&mut self, key: &str) -> Option<Option<Partial>> {
        let Some(value) = self.properties.get(key) else { return Some(None) };
        self.findings.take(&self.place.key(key), self.evaluator.evaluate(value))
    }

    /// A text that may be left out. The outer `None` is an error.
    #[expect(clippy::option_option, reason = "left out, or wrong")]
    fn text(&mut self, key: &str, longest: usize) -> Option<Option<String>> {
        let Some(value) = self.evaluated(key)? else { return Some(None) };
        let text = known(value).and_then(|value| shape::scalar(&value)).and_then(|text| {
            if text.chars().count() <= longest {
                return Ok(text);
            }
            let problem = format!("{key} has more than {longest} characters");
            Err(Violation::new(TemplateCode::Value, problem, "shorten it"))
        });
        self.findings.take(&self.place.key(key), text).map(Some)
    }

    /// A list of texts, empty if it is left out.
    fn list(&mut self, key: &str, most: usize) -> Option<Vec<String>> {
        let Some(value) = self.evaluated(key)? else { return Some(vec![]) };
        let list = known(value).and_then(|value| shape::list(&value)?.iter().map(shape::scalar).collect());
        let list = list.and_then(|list: Vec<String>| {
            if list.len() <= most {
                return Ok(list);
            }
            let problem = format!("{key} has more than {most} entries");
            Err(Violation::new(TemplateCode::Value, problem, "remove some of them"))
        });
        self.findings.take(&self.place.key(key), list)
    }

    fn content(&mut self, reading: &Reading<'_>, logical_id: &str) -> Option<sluice_model::CodeRef> {
        let place = self.place.key("Content");
        let mut parts: BTreeMap<String, Partial> = match self.evaluated("Content")? {
            Some(Partial::Known(Value::Object(map))) => {
                map.into_iter().map(|(key, value)| (key, Partial::Known(value))).collect()
            }
            Some(Partial::Map(pairs)) => pairs.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let (bucket, key) = (parts.remove("S3Bucket"), parts.remove("S3Key"));
        let (Some(bucket), Some(key)) = (bucket, key) else {
            let hint = "put the files into a folder of the repository and name it in ContentUri";
            let wrong = Violation::new(TemplateCode::Code, "the layer has no content", hint);
            self.findings.add(&place, wrong);
            return None;
        };
        let object = CodeObject { bucket, key, version: parts.remove("S3ObjectVersion"), settings: parts };
        let content = code::pinned(object, &Pinned::layer(reading.manifest, logical_id), reading.deploying);
        self.findings.take(&place, content)
    }
}
