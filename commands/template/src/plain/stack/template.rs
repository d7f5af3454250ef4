//! The template of a stage's stack as data, as the text that CloudFormation gets, and read again from that text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::super::classify::{Held, names};
use crate::budget::{self, LARGEST_FILE};
use crate::error::{TemplateCode, TemplateError, Violation};
use crate::shape;

/// The most bytes of `TemplateBody`; more have to be in S3, as `TemplateURL`. From
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>.
const LARGEST_BODY: usize = 51_200;
/// The version of what `Metadata` holds.
const SCHEMA: u64 = 1;
/// The key of Sluice's own metadata, of the template and of resources.
pub(super) const SLUICE: &str = "Sluice";

/// How a template gets to CloudFormation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As `TemplateBody`: 51,200 bytes at most.
    Body,
    /// By S3, as `TemplateURL`: 1 MiB at most.
    Url,
}

/// The value that a parameter of the stack gets.
#[derive(Clone, PartialEq, Eq)]
pub enum ParameterValue {
    /// This text. It may be a secret, so it is not shown.
    Text(String),
    /// The one that the stack has: `UsePreviousValue`.
    Previous,
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParameterValue::Text(_) => "Text(hidden)",
            ParameterValue::Previous => "Previous",
        })
    }
}

/// A template with the values of its parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Emission {
    /// The template.
    pub template: StackTemplate,
    /// A value for each of its parameters.
    pub parameters: BTreeMap<String, ParameterValue>,
}

/// A resource of the stack. No condition is left: what does not exist on the stage is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct StackResource {
    /// Its type.
    pub kind: String,
    /// Its properties. Intrinsic functions in them are those that only CloudFormation can evaluate.
    pub properties: Map<String, Value>,
    /// The resources that are created before it.
    pub depends_on: BTreeSet<String>,
    /// `DeletionPolicy` and the other attributes of a resource.
    pub attributes: Map<String, Value>,
    /// Why it waits for WIRE, if it does.
    pub held: Option<Held>,
    /// The release without it, if it is only carried over.
    pub carried_since: Option<String>,
}

impl StackResource {
    /// Whether it waits for WIRE as a whole.
    pub fn is_held_whole(&self) -> bool {
        matches!(self.held, Some(Held::Type | Held::RefersTo(_)))
    }

    /// Whether it holds data that a replacement or removal loses.
    pub fn is_stateful(&self) -> bool {
        names::is_stateful(&self.kind)
    }

    /// The names that the template fixes: (type, property, name).
    pub(super) fn physical_names(&self) -> impl Iterator<Item = (&str, &'static str, &str)> {
        names::properties(&self.kind).iter().filter_map(|property| {
            Some((self.kind.as_str(), *property, self.properties.get(*property)?.as_str()?))
        })
    }

    /// The name that the template gives it, if it does.
    pub fn fixed_name(&self) -> Option<&str> {
        self.physical_names().next().map(|(_, _, name)| name)
    }

    /// Whether the template fixes the same names in both. A name can only be set when a resource is created.
    pub fn is_named_as(&self, other: &Self) -> bool {
        self.physical_names().eq(other.physical_names())
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.json() == other.json()
    }

    fn json(&self) -> Value {
        let mut body = self.attributes.clone();
        body.insert("Type".to_owned(), self.kind.clone().into());
        if !self.properties.is_empty() {
            body.insert("Properties".to_owned(), self.properties.clone().into());
        }
        if !self.depends_on.is_empty() {
            body.insert("DependsOn".to_owned(), self.depends_on.iter().cloned().collect());
        }
        Value::Object(body)
    }
}

/// The template of a stage's stack.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackTemplate {
    /// Declarations of parameters: secrets, and parameters of Systems Manager that were not read.
    pub parameters: BTreeMap<String, Value>,
    /// Mappings whose keys only CloudFormation knows.
    pub mappings: BTreeMap<String, Value>,
    /// Conditions that only CloudFormation can decide.
    pub conditions: BTreeMap<String, Value>,
    /// The resources by logical id.
    pub resources: BTreeMap<String, StackResource>,
    /// The outputs by name, as written.
    pub outputs: BTreeMap<String, Value>,
}

impl StackTemplate {
    /// The names that it gives its resources, each with the resource's type.
    pub fn fixed_names(&self) -> BTreeSet<(String, String)> {
        let all = self.resources.values().flat_map(StackResource::physical_names);
        all.map(|(kind, _, name)| (kind.to_owned(), name.to_owned())).collect()
    }

    /// The text for CloudFormation: the same template always gives the same bytes.
    pub fn text(&self) -> String {
        let mut held = Map::new();
        let mut carried = Map::new();
        for (id, resource) in &self.resources {
            // A held reason is plain data, which always becomes JSON.
            held.extend(resource.held.as_ref().map(|why| (id.clone(), json!(why))));
            carried.extend(resource.carried_since.as_ref().map(|since| (id.clone(), json!(since))));
        }
        let mut own = json!({ "Schema": SCHEMA });
        for (key, map) in [("Held", held), ("Carried", carried)] {
            if !map.is_empty() {
                own[key] = Value::Object(map);
            }
        }
        let mut all = json!({ "AWSTemplateFormatVersion": "2010-09-09", "Metadata": { SLUICE: own } });
        for (key, map) in [
            ("Parameters", &self.parameters),
            ("Mappings", &self.mappings),
            ("Conditions", &self.conditions),
            ("Outputs", &self.outputs),
        ] {
            if !map.is_empty() {
                all[key] = map.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            }
        }
        all["Resources"] =
            self.resources.iter().map(|(id, resource)| (id.clone(), resource.json())).collect();
        all.sort_all_objects();
        all.to_string()
    }

    /// How the text gets to CloudFormation; `None` if it is too large for either way.
    pub fn delivery(&self) -> Option<Delivery> {
        match self.text().len() {
            size if size <= LARGEST_BODY => Some(Delivery::Body),
            size if size <= LARGEST_FILE => Some(Delivery::Url),
            _ => None,
        }
    }

    /// Whether CloudFormation would have nothing to do between the two: all but what Sluice notes is equal. The values of parameters
    /// are not compared, because a template has none.
    pub fn is_same_stack(&self, other: &Self) -> bool {
        let same_ids = self.resources.len() == other.resources.len();
        let mut pairs = self.resources.iter().map(|(id, resource)| (resource, other.resources.get(id)));
        same_ids
            && pairs.all(|(one, other)| other.is_some_and(|other| one.is_same_as(other)))
            && self.outputs == other.outputs
            && self.parameters == other.parameters
            && self.conditions == other.conditions
            && self.mappings == other.mappings
    }

    /// The types of the resources, for `ResourceTypes` of a change set: CloudFormation then refuses one with any other type.
    pub fn resource_types(&self) -> BTreeSet<&str> {
        self.resources.values().map(|resource| resource.kind.as_str()).collect()
    }

    /// Reads a text that [`StackTemplate::text`] made, as `GetTemplate` returns it (`TemplateStage=Original`).
    ///
    /// # Errors
    ///
    /// The text is not such a template: somebody else changed the stack.
    pub fn read(text: &str) -> Result<Self, TemplateError> {
        read(text).map_err(Violation::outside)
    }
}

fn read(text: &str) -> Result<StackTemplate, Violation> {
    budget::check_size("the stack's template", text)?;
    let template = shape::template(text, "the stack's template is not a mapping in JSON", HINT)?;
    let mut read = StackTemplate::default();
    let empty = Map::new();
    let mut own = &empty;
    for (section, value) in &template {
        let entries = || {
            let map = shape::map(value)?;
            Ok::<BTreeMap<String, Value>, Violation>(map.clone().into_iter().collect())
        };
        match section.as_str() {
            "AWSTemplateFormatVersion" => {}
            "Metadata" => own = value.get(SLUICE).and_then(Value::as_object).unwrap_or(&empty),
            "Parameters" => read.parameters = entries()?,
            "Mappings" => read.mappings = entries()?,
            "Conditions" => read.conditions = entries()?,
            "Outputs" => read.outputs = entries()?,
            "Resources" => {
                for (id, body) in shape::map(value)? {
                    read.resources.insert(id.clone(), resource(body)?);
                }
            }
            other => return Err(foreign(&format!("it has the section `{other}`"))),
        }
    }
    if own.get("Schema") != Some(&json!(SCHEMA)) {
        return Err(foreign("it has no metadata of this version of Sluice"));
    }
    for (key, value) in own {
        for (id, value) in if key == "Schema" { &empty } else { shape::map(value)? } {
            let resource = read.resources.get_mut(id).ok_or_else(|| foreign(&format!("it has no {id}")))?;
            match key.as_str() {
                "Held" => {
                    let held = serde_json::from_value(value.clone());
                    resource.held = Some(held.map_err(|_| foreign("its metadata cannot be read"))?);
                }
                "Carried" => resource.carried_since = Some(shape::string(value)?.to_owned()),
                _ => return Err(foreign("its metadata cannot be read")),
            }
        }
    }
    Ok(read)
}

fn resource(body: &Value) -> Result<StackResource, Violation> {
    let mut attributes = shape::map(body)?.clone();
    let kind = attributes.remove("Type").unwrap_or_default();
    let properties = attributes.remove("Properties").unwrap_or_else(|| json!({}));
    let depends_on = attributes.remove("DependsOn").unwrap_or_else(|| json!([]));
    if attributes.contains_key("Condition") {
        return Err(foreign("a resource has a condition"));
    }
    let ids = shape::list(&depends_on)?.iter().map(|id| shape::string(id).map(str::to_owned));
    Ok(StackResource {
        kind: shape::string(&kind)?.to_owned(),
        properties: shape::map(&properties)?.clone(),
        depends_on: ids.collect::<Result<_, _>>()?,
        attributes,
        held: None,
        carried_since: None,
    })
}

const HINT: &str =
    "only Sluice may change the stack of a stage: see who changed it in the stack's events, and put it back";

fn foreign(problem: &str) -> Violation {
    Violation::new(
        TemplateCode::Shape,
        format!("the stack's template was not written by this version of Sluice: {problem}"),
        HINT,
    )
}
