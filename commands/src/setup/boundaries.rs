//! Creates the four permissions boundaries in AWS, compares them with the wanted ones and updates them. An outdated
//! boundary, or a weaker one with the same name, gives no protection and is replaced. A boundary that denies
//! functions the table of another installation is not replaced: functions could then write that table.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::names;
use crate::ports::Identity;
use crate::resources::rights::{MANAGED_LIMIT, NOT_SLUICE, OwnResources};
use crate::resources::{rights, same_json};
use sluice_model::{Class, PortResult, Target};

/// How many versions of a managed policy IAM keeps.
const VERSIONS: usize = 5;

/// A wanted boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The policy document.
    pub document: String,
}

/// The result of applying a boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It did not exist.
    Created,
    /// Its document was different.
    Updated,
    /// Its document was the wanted one.
    Unchanged,
    /// It was not changed: see [`BoundaryState::Protects`].
    Refused(BTreeSet<String>),
}

/// The state of a boundary in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundaryState {
    /// It does not exist.
    Missing,
    /// Its document is different.
    Differs,
    /// It denies these tables, and the wanted one would not. The tables belong to another
    /// installation, or belonged to this one before.
    Protects(BTreeSet<String>),
    /// Its document is the wanted one.
    Current,
}

/// All boundaries. `allowed` are the statements of the organisation's own boundary, if it provides one.
pub fn wanted(target: &Target, own: &OwnResources, allowed: Option<&[Value]>) -> [Boundary; 4] {
    let allowed = allowed.map_or_else(rights::data_statements, <[Value]>::to_vec);
    [
        Boundary {
            name: names::boundary(target),
            arn: names::boundary_arn(target),
            document: rights::boundary(target, own, allowed),
        },
        Boundary {
            name: names::build_boundary(target),
            arn: names::build_boundary_arn(target),
            document: rights::build_boundary(target),
        },
        Boundary {
            name: names::api_boundary(target),
            arn: names::api_boundary_arn(target),
            document: rights::api_boundary(target),
        },
        Boundary {
            name: names::stack_boundary(target),
            arn: names::stack_boundary_arn(target),
            document: rights::stack_boundary(target, own),
        },
    ]
}

/// The statements of a boundary that the organisation provides, or why it cannot be one. Sluice adds its own
/// denials: whatever this file allows, no function reaches Sluice or edits rights.
pub fn statements(document: &str) -> Result<Vec<Value>, String> {
    let document: Value = serde_json::from_str(document).map_err(|error| format!("is not JSON: {error}"))?;
    if document.get("Version").is_some_and(|version| version != "2012-10-17") {
        return Err("has another Version than \"2012-10-17\"".to_owned());
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => return Err("is not a policy document: it has no Statement".to_owned()),
    };
    for statement in &statements {
        let is_effect = matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"));
        let either = |one: &str, other: &str| statement.get(one).is_some() != statement.get(other).is_some();
        let names = statement["Sid"].as_str().is_some_and(rights::is_denial);
        if !is_effect || !either("Action", "NotAction") || !either("Resource", "NotResource") {
            return Err("has a statement without Effect, Action or Resource".to_owned());
        }
        if statement.get("Principal").is_some() || statement.get("NotPrincipal").is_some() {
            return Err("has a statement with a Principal, which a boundary cannot have".to_owned());
        }
        if names {
            return Err(format!("uses the Sid {} of a statement that Sluice adds", statement["Sid"]));
        }
    }
    Ok(statements)
}

/// Whether a document is within IAM's size limit, or by how much it is not.
pub fn fits(boundary: &Boundary) -> Result<(), String> {
    let size = boundary.document.chars().filter(|sign| !sign.is_whitespace()).count();
    if size <= MANAGED_LIMIT {
        return Ok(());
    }
    let name = &boundary.name;
    Err(format!(
        "{name} would have {size} characters with the statements that Sluice adds; IAM takes {MANAGED_LIMIT}"
    ))
}

/// Compares a boundary with AWS.
pub async fn look(
    identity: &dyn Identity,
    target: &Target,
    boundary: &Boundary,
) -> PortResult<BoundaryState> {
    let Some(version) = identity.policy_version(target, &boundary.arn).await? else {
        return Ok(BoundaryState::Missing);
    };
    let Some(document) = identity.policy_document(target, &boundary.arn, &version).await? else {
        return Ok(BoundaryState::Differs);
    };
    if same_json(&document, &boundary.document) {
        return Ok(BoundaryState::Current);
    }
    let wanted = denied_tables(target, &boundary.document, |_| true);
    let mut protected = denied_tables(target, &document, |sid| sid == Some(NOT_SLUICE));
    protected.retain(|table| !wanted.contains(table));
    Ok(if protected.is_empty() { BoundaryState::Differs } else { BoundaryState::Protects(protected) })
}

/// The tables of this account and region that the statements with these Sids deny completely.
fn denied_tables(target: &Target, document: &str, counts: impl Fn(Option<&str>) -> bool) -> BTreeSet<String> {
    let prefix = target.arn("dynamodb", "table/");
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let denies = |statement: &&Value| {
        statement["Effect"] == "Deny"
            && many(&statement["Action"]).contains(&"*".into())
            && statement.get("Condition").is_none()
            && counts(statement["Sid"].as_str())
    };
    let statements = many(&document["Statement"]).iter().filter(denies);
    let resources = statements.flat_map(|statement| many(&statement["Resource"])).filter_map(Value::as_str);
    let tables = resources.filter_map(|arn| arn.strip_prefix(&prefix));
    tables.filter(|table| !table.contains('/')).map(str::to_owned).collect()
}

/// Policies may write a single value instead of a list.
fn many(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

/// Creates or updates a boundary. Safe to repeat.
pub async fn apply(identity: &dyn Identity, target: &Target, boundary: &Boundary) -> PortResult<Applied> {
    let Boundary { name, arn, document } = boundary;
    let mut state = look(identity, target, boundary).await?;
    if state == BoundaryState::Missing {
        state = match identity.create_policy(target, name, names::IAM_PATH, document).await {
            Ok(_) => return Ok(Applied::Created),
            // Another process created it just now.
            Err(error) if error.class == Class::Conflict => match look(identity, target, boundary).await? {
                BoundaryState::Missing => return Err(error),
                found => found,
            },
            Err(error) => return Err(error),
        };
    }
    match state {
        BoundaryState::Current => return Ok(Applied::Unchanged),
        BoundaryState::Protects(tables) => return Ok(Applied::Refused(tables)),
        BoundaryState::Missing | BoundaryState::Differs => {}
    }
    let versions = identity.policy_versions(target, arn).await?;
    if versions.len() >= VERSIONS {
        let number = |id: &str| id.trim_start_matches('v').parse::<u64>().unwrap_or(u64::MAX);
        let old = versions.iter().filter(|version| !version.is_default);
        if let Some(oldest) = old.min_by_key(|version| number(&version.id)) {
            identity.delete_policy_version(target, arn, &oldest.id).await?;
        }
    }
    identity.create_policy_version(target, arn, document).await?;
    Ok(Applied::Updated)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::testing::{FakeAws, TestClock, target};

    fn boundary(tables: &[&str], queue: &str) -> Boundary {
        let tables = tables.iter().map(|table| (*table).to_owned()).collect();
        let own = OwnResources { tables, queues: vec![queue.to_owned()], ..OwnResources::default() };
        let [functions, ..] = wanted(&target(), &own, None);
        functions
    }

    fn tables(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn boundaries_of_two_regions_have_two_names() {
        let elsewhere = Target { region: "us-west-2".into(), ..target() };
        let of =
            |target: &Target| wanted(target, &OwnResources::default(), None).map(|one| (one.name, one.arn));
        let [(functions, arn), (builds, _), ..] = of(&elsewhere);
        assert_eq!(functions, "sluice-boundary-us-west-2");
        assert_eq!(builds, "sluice-boundary-build-us-west-2");
        assert!(arn.ends_with(":policy/sluice/sluice-boundary-us-west-2"), "{arn}");
        assert_ne!(of(&target()), of(&elsewhere));
    }

    #[tokio::test(start_paused = true)]
    async fn a_boundary_that_protects_another_table_is_left_as_it_is() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let fault_proxy = fake_aws.fault_proxy();
        let identity: &dyn Identity = &fault_proxy;
        let first = boundary(&["a", "a-audit"], "q");
        apply(identity, &target(), &first).await.unwrap();
        // A second installation, and one whose state is a file.
        for second in [boundary(&["b", "b-audit"], "q"), boundary(&[], "q")] {
            let both = tables(&["a", "a-audit"]);
            assert_eq!(look(identity, &target(), &second).await, Ok(BoundaryState::Protects(both.clone())));
            assert_eq!(apply(identity, &target(), &second).await, Ok(Applied::Refused(both)));
            assert_eq!(look(identity, &target(), &first).await, Ok(BoundaryState::Current));
        }
        let more = boundary(&["a", "a-audit", "b"], "q");
        assert_eq!(apply(identity, &target(), &more).await, Ok(Applied::Updated), "nothing is opened");
        let one_less = boundary(&["a", "a-audit"], "q");
        assert_eq!(apply(identity, &target(), &one_less).await, Ok(Applied::Refused(tables(&["b"]))));
        // The organisation's own statements may protect what the configuration does not name.
        let table = target().arn("dynamodb", "table/b");
        let denial = json!({ "Effect": "Deny", "Action": "*", "Resource": table });
        let own = OwnResources { tables: vec!["a".into(), "a-audit".into()], ..OwnResources::default() };
        let [kept, ..] = wanted(&target(), &own, Some(&[denial]));
        assert_eq!(apply(identity, &target(), &kept).await, Ok(Applied::Updated));
        assert_eq!(
            apply(identity, &target(), &one_less).await,
            Ok(Applied::Updated),
            "that denial was its own"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_boundary_is_created_compared_and_updated() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let fault_proxy = fake_aws.fault_proxy();
        let identity: &dyn Identity = &fault_proxy;
        let first = boundary(&["t"], "q1");
        assert_eq!(look(identity, &target(), &first).await, Ok(BoundaryState::Missing));
        assert_eq!(apply(identity, &target(), &first).await, Ok(Applied::Created));
        assert_eq!(apply(identity, &target(), &first).await, Ok(Applied::Unchanged));
        for nth in 2..=8 {
            let next = boundary(&["t"], &format!("q{nth}"));
            assert_eq!(look(identity, &target(), &next).await, Ok(BoundaryState::Differs));
            assert_eq!(apply(identity, &target(), &next).await, Ok(Applied::Updated));
            assert_eq!(look(identity, &target(), &next).await, Ok(BoundaryState::Current));
        }
        let kept = identity.policy_versions(&target(), &first.arn).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|version| version.id.as_str()).collect();
        assert_eq!(kept, ["v4", "v5", "v6", "v7", "v8"], "the oldest make room");
    }

    #[test]
    fn an_organisations_boundary_must_fit_and_keeps_the_denials() {
        for (document, words) in [
            ("{", "not JSON"),
            ("[]", "no Statement"),
            (r#"{"Version":"2008-10-17","Statement":[]}"#, "another Version"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"*"}]}"#, "without Effect, Action or Resource"),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]}"#,
                "Principal",
            ),
            (
                r#"{"Statement":[{"Sid":"NotSluice","Effect":"Deny","Action":"*","Resource":"*"}]}"#,
                "NotSluice",
            ),
        ] {
            let problem = statements(document).unwrap_err();
            assert!(problem.contains(words), "{document}: {problem}");
        }
        let own = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }).to_string();
        let own = statements(&own).unwrap();
        let [functions, ..] = wanted(&target(), &OwnResources::default(), Some(&own));
        assert!(fits(&functions).is_ok() && functions.document.contains("NoRights"));
        let long =
            json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(MANAGED_LIMIT) });
        let [functions, ..] = wanted(&target(), &OwnResources::default(), Some(&[long]));
        assert!(fits(&functions).unwrap_err().contains("6144"));
    }
}
