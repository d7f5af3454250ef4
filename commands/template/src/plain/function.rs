//! One `AWS::Lambda::Function` that Sluice creates and changes itself, as data: every property as far as it is known.

use std::collections::{BTreeMap, BTreeSet};

use super::partial::{Need, Partial};

/// A value of a type, or an expression that gives one later.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<T> {
    /// It is known.
    Known(T),
    /// It is known once its needs are.
    Deferred(Partial),
}

/// A zip archive in S3.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeObject {
    /// The bucket.
    pub bucket: Partial,
    /// The key.
    pub key: Partial,
    /// The version of the object.
    pub version: Option<Partial>,
    /// `S3ObjectStorageMode` and `SourceKMSKeyArn`, under those names.
    pub settings: BTreeMap<String, Partial>,
}

/// Where a function's code is.
#[derive(Debug, Clone, PartialEq)]
pub enum PlainCode {
    /// A zip archive in S3.
    Object(Box<CodeObject>),
    /// A container image.
    Image {
        /// Its URI in ECR.
        uri: Partial,
    },
}

/// A function of a plain template. Names of properties are those of Lambda's API.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainFunction {
    /// Its name in the template.
    pub logical_id: String,
    /// `FunctionName` as the template has it. Sluice names the function itself; this is for recognising the name elsewhere.
    pub given_name: Option<Partial>,
    /// Its code.
    pub code: PlainCode,
    /// The runtime; `None` for images.
    pub runtime: Option<Partial>,
    /// The handler; `None` for images.
    pub handler: Option<Partial>,
    /// `x86_64` by default.
    pub architecture: Field<String>,
    /// Megabytes; 128 by default.
    pub memory: Field<u32>,
    /// Seconds; 3 by default.
    pub timeout: Field<u32>,
    /// The ARN of its role.
    pub role: Partial,
    /// Its description.
    pub description: Option<Partial>,
    /// Its variables.
    pub environment: Field<BTreeMap<String, Partial>>,
    /// ARNs of versions of layers, in order.
    pub layers: Field<Vec<Partial>>,
    /// Its tags.
    pub tags: BTreeMap<String, Partial>,
    /// More members of `CreateFunction` and `UpdateFunctionConfiguration`, with the types of the API.
    pub configuration: BTreeMap<String, Partial>,
    /// More members of `CreateFunction` that cannot be changed.
    pub at_creation: BTreeMap<String, Partial>,
    /// Settings of the function that have a call of their own, by property.
    pub separate: BTreeMap<String, Partial>,
}

impl PlainFunction {
    /// Everything that has to be known before the function can be written.
    pub fn needs(&self) -> BTreeSet<Need> {
        let mut needs = self.role.needs();
        let code: Vec<&Partial> = match &self.code {
            PlainCode::Object(object) => {
                let CodeObject { bucket, key, version, settings } = &**object;
                [bucket, key].into_iter().chain(version).chain(settings.values()).collect()
            }
            PlainCode::Image { uri } => vec![uri],
        };
        let optional = [&self.runtime, &self.handler, &self.description].into_iter().flatten();
        let maps = [&self.tags, &self.configuration, &self.at_creation, &self.separate];
        let plain = code.into_iter().chain(optional).chain(maps.into_iter().flat_map(BTreeMap::values));
        needs.extend(plain.flat_map(Partial::needs));
        let deferred = [
            if let Field::Deferred(value) = &self.architecture { Some(value) } else { None },
            if let Field::Deferred(value) = &self.memory { Some(value) } else { None },
            if let Field::Deferred(value) = &self.timeout { Some(value) } else { None },
        ];
        needs.extend(deferred.into_iter().flatten().flat_map(Partial::needs));
        match &self.environment {
            Field::Known(variables) => needs.extend(variables.values().flat_map(Partial::needs)),
            Field::Deferred(value) => needs.extend(value.needs()),
        }
        match &self.layers {
            Field::Known(layers) => needs.extend(layers.iter().flat_map(Partial::needs)),
            Field::Deferred(value) => needs.extend(value.needs()),
        }
        needs
    }
}
