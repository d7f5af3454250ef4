//! The rights of a function's role: the statements of its policies, and of those that are attached to it.
//!
//! Sluice creates the role: it is immutable, its name is derived from these rights, and it has the installation's permissions
//! boundary. A policy elsewhere is refused, because it could change under a running version; those of AWS are taken by name.

use serde_json::Value;

use super::model::AppRights;
use super::reading::Reading;
use super::statements::{self, Stated};
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::plain::{Attribute, Evaluator, Need, Part, Partial, Resource};
use crate::shape;

/// The rights of the role that a function names.
pub(super) fn rights(
    reading: &Reading<'_>,
    function: &str,
    role: &Partial,
    evaluator: &Evaluator<'_>,
    findings: &mut Findings,
) -> Option<AppRights> {
    let own = role.needs().into_iter().find_map(|need| match need {
        Need::Resource { logical_id, attribute: Attribute::Named(name) } if name == "Arn" => Some(logical_id),
        _ => None,
    });
    let role = own.filter(|role| reading.split.part(role) == Some(&Part::Role)).ok_or_else(|| {
        Violation::new(
            TemplateCode::Unsupported,
            "its role is not one that only functions of this template use",
            "write the function's permissions in Policies: Sluice creates its role, with its permissions boundary",
        )
    });
    let place = Place::of(&["Resources", function, "Properties", "Role"]);
    let role = findings.take(&place, role)?;
    Some(Role { reading, evaluator, role: &role, rights: AppRights::default() }.read(findings))
}

struct Role<'a> {
    reading: &'a Reading<'a>,
    evaluator: &'a Evaluator<'a>,
    role: &'a str,
    rights: AppRights,
}

impl Role<'_> {
    fn read(mut self, findings: &mut Findings) -> AppRights {
        let resources = &self.reading.template.resources;
        let place = Place::of(&["Resources", self.role, "Properties"]);
        let Some(role) = resources.get(self.role) else { return self.rights };
        if let Some(policies) = role.properties.get("Policies") {
            self.inline(policies, &place.key("Policies"), findings);
        }
        self.managed(role, &place.key("ManagedPolicyArns"), findings);
        let attached = self.reading.split.placements.iter().filter_map(|(id, placed)| match &placed.part {
            Part::Policy(roles) if roles.contains(self.role) => Some(id.as_str()),
            _ => None,
        });
        for id in attached.collect::<Vec<_>>() {
            let document = resources.get(id).and_then(|policy| policy.properties.get("PolicyDocument"));
            let place = Place::of(&["Resources", id, "Properties", "PolicyDocument"]);
            self.document(document, &place, findings);
        }
        let size: usize =
            self.rights.statements.iter().map(|statement| statement.to_string().chars().count() + 1).sum();
        findings.take(&place.key("Policies"), statements::check_size(size));
        self.rights
    }

    /// The inline policies of a list. One that is an expression as a whole, as `Fn::If` is, has to be known.
    fn inline(&mut self, policies: &Value, place: &Place, findings: &mut Findings) {
        for (nth, policy) in listed(policies).iter().enumerate() {
            let place = place.key(nth);
            if policy.get("PolicyDocument").is_some() {
                self.document(policy.get("PolicyDocument"), &place, findings);
                continue;
            }
            let settled = |value| self.reading.settled(value, self.evaluator);
            let value = self.evaluator.evaluate(policy).and_then(|value| value.map(settled).transpose());
            match findings.take(&place, value).flatten() {
                None => {}
                Some(Value::Array(policies)) => self.inline(&policies.into(), &place, findings),
                Some(policy) if policy.get("PolicyDocument").is_some() => {
                    self.document(policy.get("PolicyDocument"), &place, findings);
                }
                Some(_) => {
                    let hint = "write PolicyName and PolicyDocument";
                    let problem = "the policy has no PolicyDocument";
                    findings.add(&place, Violation::new(TemplateCode::Missing, problem, hint));
                }
            }
        }
    }

    fn document(&mut self, document: Option<&Value>, place: &Place, findings: &mut Findings) {
        let wrong = |key: &str| {
            let problem = format!("`{key}` is not supported in a policy document");
            Violation::new(TemplateCode::Unsupported, problem, "a document has Version and Statement")
        };
        let Some(document) = document else { return };
        let Some(document) = findings.take(place, shape::map(document)) else { return };
        for key in document.keys().filter(|key| !matches!(key.as_str(), "Version" | "Statement" | "Id")) {
            findings.add(place, wrong(key));
        }
        // IAM reads a document without a version, or with the older one, without variables.
        if document.get("Version").is_some_and(|version| version.as_str() == Some("2008-10-17")) {
            let hint = "write \"2012-10-17\"";
            let problem = "the version of a policy document must be \"2012-10-17\"";
            findings.add(place, Violation::new(TemplateCode::Unsupported, problem, hint));
        }
        let place = place.key("Statement");
        let (evaluator, reading) = (self.evaluator, self.reading);
        for (nth, statement) in document.get("Statement").map(listed).unwrap_or_default().iter().enumerate() {
            let stated = Stated { statement, evaluator, reading };
            self.rights.statements.extend(stated.read(&place.key(nth), findings));
        }
    }

    /// AWS's managed policies. Those of the template are folded into the statements.
    fn managed(&mut self, role: &Resource, place: &Place, findings: &mut Findings) {
        let arns = role.properties.get("ManagedPolicyArns").map(listed).unwrap_or_default();
        for (nth, arn) in arns.iter().enumerate() {
            let place = place.key(nth);
            let arn = self.evaluator.evaluate(arn).map(|arn| arn.unwrap_or(Partial::Known(Value::Null)));
            let Some(arn) = findings.take(&place, arn) else { continue };
            let folded = |need: &Need| match need {
                Need::Resource { logical_id, .. } => {
                    matches!(self.reading.split.part(logical_id), Some(Part::Policy(_)))
                }
                _ => false,
            };
            if arn.needs().iter().any(folded) {
                continue;
            }
            if matches!(arn, Partial::Known(Value::Null)) {
                continue;
            }
            let arn = self.reading.settled(arn, self.evaluator).and_then(|arn| shape::scalar(&arn));
            let arn = arn.and_then(|arn| statements::managed(arn, self.reading.deploying));
            self.rights.managed.extend(findings.take(&place, arn).flatten());
        }
    }
}

/// The items of a list, or the one value.
fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}
