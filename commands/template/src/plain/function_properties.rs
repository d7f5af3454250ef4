//! What becomes of each property of `AWS::Lambda::Function`: no property is dropped in silence.
//!
//! `function_properties.tsv` beside this file lists the properties of CloudFormation's schema and the members of Lambda's
//! calls, with their types. `tests/function_properties.py` makes it. The tests hold [`PROPERTIES`] against it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Number, Value};

use super::partial::Partial;
use crate::error::{TemplateCode, Violation};
use crate::shape;

/// How a property is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// A field of [`super::PlainFunction`].
    Typed,
    /// Passed on to `CreateFunction` and `UpdateFunctionConfiguration` under this name.
    Configuration(&'static str),
    /// Passed on to `CreateFunction` only: it cannot be changed.
    AtCreation,
    /// Set by a call of its own, of this name: it belongs to the function, not to a version.
    Separate(&'static str),
    /// Refused, for this reason.
    Refused(&'static str),
}

/// Every property, in alphabetical order.
pub(super) const PROPERTIES: [(&str, Handling); 31] = {
    use Handling::{AtCreation, Configuration, Refused, Separate, Typed};
    [
        ("Architectures", Typed),
        ("CapacityProviderConfig", Configuration("CapacityProviderConfig")),
        ("Code", Typed),
        ("CodeSigningConfigArn", Separate("PutFunctionCodeSigningConfig")),
        ("DeadLetterConfig", Configuration("DeadLetterConfig")),
        ("Description", Typed),
        ("DurableConfig", Configuration("DurableConfig")),
        ("Environment", Typed),
        ("EphemeralStorage", Configuration("EphemeralStorage")),
        ("FileSystemConfigs", Configuration("FileSystemConfigs")),
        ("FunctionName", Typed),
        ("FunctionScalingConfig", Separate("PutFunctionScalingConfig")),
        ("Handler", Typed),
        ("ImageConfig", Configuration("ImageConfig")),
        ("KmsKeyArn", Configuration("KMSKeyArn")),
        ("Layers", Typed),
        ("LoggingConfig", Configuration("LoggingConfig")),
        ("MemorySize", Typed),
        ("PackageType", Typed),
        ("PublishToLatestPublished", Refused("Sluice publishes a version for every release")),
        ("RecursiveLoop", Separate("PutFunctionRecursionConfig")),
        ("ReservedConcurrentExecutions", Separate("PutFunctionConcurrency")),
        ("Role", Typed),
        ("Runtime", Typed),
        ("RuntimeManagementConfig", Separate("PutRuntimeManagementConfig")),
        ("SnapStart", Configuration("SnapStart")),
        ("Tags", Typed),
        ("TenancyConfig", AtCreation),
        ("Timeout", Typed),
        ("TracingConfig", Configuration("TracingConfig")),
        ("VpcConfig", Configuration("VpcConfig")),
    ]
};

/// The table: (owner, path) to the type. The owner is `AWS::Lambda::Function` or a call; `[]` in a path is an element.
pub(super) static TABLE: LazyLock<BTreeMap<(&str, &str), &str>> = LazyLock::new(|| {
    let rows = include_str!("function_properties.tsv").lines().filter(|line| !line.starts_with('#'));
    let cells = rows.filter_map(|line| {
        let mut cells = line.split('\t');
        Some(((cells.next()?, cells.next()?), cells.next()?))
    });
    cells.collect()
});

/// The type of a property, or of one below a property.
fn type_of(path: &str) -> Option<&'static str> {
    TABLE.get(&("AWS::Lambda::Function", path)).copied()
}

/// How a property is handled. The error is for the author: CloudFormation has no such property, or Sluice refuses it.
pub(super) fn handling(property: &str) -> Result<Handling, Violation> {
    match PROPERTIES.iter().find(|(name, _)| *name == property) {
        Some((_, Handling::Refused(reason))) => Err(Violation::new(
            TemplateCode::Unsupported,
            format!("`{property}` is not supported: {reason}"),
            "remove it",
        )),
        Some((_, handling)) => Ok(*handling),
        None => Err(no_property(property)),
    }
}

fn no_property(path: &str) -> Violation {
    Violation::new(
        TemplateCode::Unsupported,
        format!("a function has no property `{path}`"),
        "correct its name; a newer property needs a newer Sluice",
    )
}

/// The value with the types of Lambda's API: CloudFormation takes `"512"` for 512 and `"true"` for true. Deferred parts stay
/// as they are.
pub(super) fn typed(path: &str, value: Partial) -> Result<Partial, Violation> {
    let kind = type_of(path).ok_or_else(|| no_property(path))?;
    let is_free = kind == "object" && is_free(path);
    Ok(match value {
        Partial::Known(Value::Object(map)) if kind == "object" => {
            let pairs = map.into_iter().map(|(key, value)| below(path, key, Partial::Known(value), is_free));
            Partial::map(pairs.collect::<Result<_, _>>()?)
        }
        Partial::Map(pairs) if kind == "object" => {
            let pairs = pairs.into_iter().map(|(key, value)| below(path, key, value, is_free));
            Partial::map(pairs.collect::<Result<_, _>>()?)
        }
        Partial::Known(Value::Array(items)) if kind == "list" => {
            let items = items.into_iter().map(|item| typed(&format!("{path}[]"), Partial::Known(item)));
            Partial::list(items.collect::<Result<_, _>>()?)
        }
        Partial::List(items) if kind == "list" => {
            let items = items.into_iter().map(|item| typed(&format!("{path}[]"), item));
            Partial::list(items.collect::<Result<_, _>>()?)
        }
        Partial::Known(value) => Partial::Known(scalar(kind, &value)?),
        Partial::Map(_) | Partial::List(_) => return Err(not_a(kind)),
        unknown => unknown,
    })
}

/// Whether an object has keys of the team's own, as the variables of the environment do.
fn is_free(path: &str) -> bool {
    // The table is in order, so what is below a path follows it.
    let owner = "AWS::Lambda::Function";
    let after = TABLE.range((owner, path)..).skip(1).map(|((_, next), _)| *next);
    let mut below = after.take_while(|next| next.starts_with(path));
    !below.any(|next| next.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn below(path: &str, key: String, value: Partial, is_free: bool) -> Result<(String, Partial), Violation> {
    let value = if is_free { value } else { typed(&format!("{path}.{key}"), value)? };
    Ok((key, value))
}

fn not_a(kind: &str) -> Violation {
    Violation::new(TemplateCode::Shape, format!("expected a value of the type {kind}"), "correct the value")
}

fn scalar(kind: &str, value: &Value) -> Result<Value, Violation> {
    let text = match kind {
        "list" | "object" => return Err(not_a(kind)),
        _ => shape::scalar(value)?,
    };
    let typed = match kind {
        "integer" => text.trim().parse::<i64>().ok().map(Value::from),
        "number" => text.trim().parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
        "boolean" => text.to_ascii_lowercase().parse::<bool>().ok().map(Value::Bool),
        _ => Some(Value::String(text)),
    };
    typed.ok_or_else(|| not_a(kind))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    /// The names at the top of an owner.
    fn top(owner: &str) -> BTreeSet<&'static str> {
        let own = TABLE.keys().filter(|(of, path)| *of == owner && !path.contains(['.', '[']));
        own.map(|(_, path)| *path).collect()
    }

    #[test]
    fn every_property_of_the_schema_is_handled_and_no_other() {
        let handled: Vec<&str> = PROPERTIES.iter().map(|(name, _)| *name).collect();
        assert_eq!(handled.iter().copied().collect::<BTreeSet<_>>(), top("AWS::Lambda::Function"));
        assert!(handled.is_sorted(), "{handled:?}");
    }

    #[test]
    fn what_is_passed_on_has_the_name_and_the_parts_that_the_calls_have() {
        for (property, handling) in PROPERTIES {
            let calls: &[&str] = match handling {
                Handling::Configuration(_) => &["CreateFunction", "UpdateFunctionConfiguration"],
                Handling::AtCreation => &["CreateFunction"],
                _ => continue,
            };
            let name = if let Handling::Configuration(name) = handling { name } else { property };
            for call in calls {
                let parts = TABLE.iter().filter(|((owner, path), _)| {
                    let below = path.strip_prefix(property);
                    *owner == "AWS::Lambda::Function"
                        && below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
                });
                for ((_, path), kind) in parts {
                    let theirs = path.replacen(property, name, 1);
                    let found = TABLE.get(&(*call, theirs.as_str()));
                    let same = match (found, *kind) {
                        (Some(&"double"), "number") => true,
                        (Some(found), kind) => *found == kind,
                        (None, _) => false,
                    };
                    assert!(same, "{call} has {theirs} as {found:?}, not {kind}");
                }
            }
        }
    }

    /// Members of `CreateFunction` that no template sets, and why.
    const NOT_IN_TEMPLATES: [(&str, &str); 4] = [
        ("AcceleratorConfig", "CloudFormation's schema does not have it yet"),
        ("Publish", "Sluice publishes"),
        ("PublishTo", "Sluice publishes"),
        ("RuntimeConfig", "CloudFormation's schema does not have it yet"),
    ];

    #[test]
    fn every_member_of_the_call_comes_from_a_property_or_from_sluice() {
        let mut known: BTreeSet<&str> = NOT_IN_TEMPLATES.iter().map(|(name, _)| *name).collect();
        for (property, handling) in PROPERTIES {
            known.insert(if let Handling::Configuration(name) = handling { name } else { property });
        }
        let unknown: Vec<_> =
            top("CreateFunction").into_iter().filter(|name| !known.contains(name)).collect();
        assert_eq!(unknown, Vec::<&str>::new(), "decide what becomes of these");
    }

    #[test]
    fn values_get_the_types_of_the_call() {
        let value = Partial::Known(json!({ "Ipv6AllowedForDualStack": "true", "SubnetIds": ["a"] }));
        assert_eq!(
            typed("VpcConfig", value),
            Ok(Partial::Known(json!({ "Ipv6AllowedForDualStack": true, "SubnetIds": ["a"] })))
        );
        let size = Partial::Known(json!({ "Size": "1024" }));
        assert_eq!(typed("EphemeralStorage", size), Ok(Partial::Known(json!({ "Size": 1024 }))));
        for (path, value) in [
            ("EphemeralStorage", json!({ "Size": "large" })),
            ("EphemeralStorage", json!({ "size": 512 })),
            ("EphemeralStorage", json!(512)),
            ("VpcConfig", json!({ "SubnetIds": "a" })),
        ] {
            assert!(typed(path, Partial::Known(value.clone())).is_err(), "{path} {value}");
        }
    }
}
