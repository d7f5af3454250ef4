//! The properties of a resource, evaluated.

use serde_json::{Map, Value};

use super::reading::Reading;
use crate::error::{Findings, Place};
use crate::plain::Evaluator;
use crate::shape;

/// Evaluates the properties of a resource.
pub(super) struct Properties<'a> {
    pub(super) place: Place,
    pub(super) reading: &'a Reading<'a>,
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) findings: &'a mut Findings,
}

impl Properties<'_> {
    /// The value of a property, if it has one and nothing is wrong with it.
    pub(super) fn value(&mut self, properties: &Map<String, Value>, key: &str) -> Option<Value> {
        let value = self.evaluator.evaluate(properties.get(key)?);
        let settled = |value| self.reading.settled(value, self.evaluator);
        let value = value.and_then(|value| value.map(settled).transpose());
        self.findings.take(&self.place.key(key), value).flatten()
    }

    /// The one supported member of a property that is a mapping.
    pub(super) fn only(&mut self, properties: &Map<String, Value>, key: &str, member: &str) -> Option<Value> {
        let Value::Object(mut map) = self.value(properties, key)? else { return None };
        refuse_others(&map, &[member], &self.place.key(key), self.findings);
        map.remove(member)
    }
}

/// Refuses properties that are not known.
pub(super) fn refuse_others(
    properties: &Map<String, Value>,
    known: &[&str],
    place: &Place,
    findings: &mut Findings,
) {
    shape::only(properties, known, place, findings, |_| "remove it; it is not supported yet".into());
}
