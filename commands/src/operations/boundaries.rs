//! The two permissions boundaries in AWS: made, compared with what this version and configuration want, and brought up to
//! date. A boundary of last year, or a weaker one of that name, is no boundary.

use serde_json::Value;

use crate::fault::{Class, PortResult};
use crate::ids::Target;
use crate::operations::names;
use crate::operations::rights::{self, MANAGED_LIMIT, OwnResources};
use crate::operations::steps::same_json;
use crate::ports::Identity;

/// How many versions IAM keeps of a managed policy.
const VERSIONS: usize = 5;

/// A boundary as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    /// Its name.
    pub name: &'static str,
    /// Its ARN.
    pub arn: String,
    /// What it says.
    pub document: String,
}

/// What came of bringing a boundary up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// There was none.
    Made,
    /// It said something else.
    Updated,
    /// It was right.
    Unchanged,
}

/// How a boundary stands in AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Missing,
    /// It says something else.
    Differs,
    /// It is right.
    Right,
}

/// Both boundaries; `allowed` are the statements of the organisation's own, if it brings one.
pub fn wanted(target: &Target, own: &OwnResources, allowed: Option<&[Value]>) -> [Boundary; 2] {
    let allowed = allowed.map_or_else(rights::data_statements, <[Value]>::to_vec);
    [
        Boundary {
            name: names::BOUNDARY,
            arn: names::boundary_arn(target),
            document: rights::boundary(target, own, allowed),
        },
        Boundary {
            name: names::BUILD_BOUNDARY,
            arn: names::build_boundary_arn(target),
            document: rights::build_boundary(target),
        },
    ]
}

/// The statements of a boundary that the organisation brings, or why it cannot be one. Sluice adds its own denials, so
/// that whatever this file allows, no function reaches Sluice or edits rights.
pub fn statements(document: &str) -> Result<Vec<Value>, String> {
    let document: Value = serde_json::from_str(document).map_err(|error| format!("is not JSON: {error}"))?;
    if document.get("Version").is_some_and(|version| version != "2012-10-17") {
        return Err("has another Version than \"2012-10-17\"".to_owned());
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => return Err("is no policy document: it has no Statement".to_owned()),
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

/// Whether a document fits, or by how much it does not.
pub fn fits(boundary: &Boundary) -> Result<(), String> {
    let size = boundary.document.chars().filter(|sign| !sign.is_whitespace()).count();
    if size <= MANAGED_LIMIT {
        return Ok(());
    }
    let name = boundary.name;
    Err(format!(
        "{name} would have {size} characters with the statements that Sluice adds; IAM takes {MANAGED_LIMIT}"
    ))
}

/// How that boundary stands.
pub async fn look(identity: &dyn Identity, target: &Target, boundary: &Boundary) -> PortResult<Standing> {
    let Some(version) = identity.policy_version(target, &boundary.arn).await? else {
        return Ok(Standing::Missing);
    };
    let document = identity.policy_document(target, &boundary.arn, &version).await?;
    let is_right = document.is_some_and(|document| same_json(&document, &boundary.document));
    Ok(if is_right { Standing::Right } else { Standing::Differs })
}

/// Brings that boundary up to date. Safe to repeat.
pub async fn apply(identity: &dyn Identity, target: &Target, boundary: &Boundary) -> PortResult<Applied> {
    let Boundary { name, arn, document } = boundary;
    match look(identity, target, boundary).await? {
        Standing::Right => return Ok(Applied::Unchanged),
        Standing::Differs => {}
        Standing::Missing => {
            match identity.create_policy(target, name, names::IAM_PATH, document).await {
                Ok(_) => return Ok(Applied::Made),
                // Somebody else made it just now.
                Err(error) if error.class == Class::Conflict => {}
                Err(error) => return Err(error),
            }
            if look(identity, target, boundary).await? == Standing::Right {
                return Ok(Applied::Unchanged);
            }
        }
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
    use crate::testing::{Cloud, TestClock, target};

    fn boundary(table: &str) -> Boundary {
        let own = OwnResources { tables: vec![table.to_owned()], ..OwnResources::default() };
        let [functions, _] = wanted(&target(), &own, None);
        functions
    }

    #[tokio::test(start_paused = true)]
    async fn a_boundary_is_made_compared_and_brought_up_to_date() {
        let cloud = Cloud::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let reach = cloud.reach();
        let identity: &dyn Identity = &reach;
        let first = boundary("t1");
        assert_eq!(look(identity, &target(), &first).await, Ok(Standing::Missing));
        assert_eq!(apply(identity, &target(), &first).await, Ok(Applied::Made));
        assert_eq!(apply(identity, &target(), &first).await, Ok(Applied::Unchanged));
        for nth in 2..=8 {
            let next = boundary(&format!("t{nth}"));
            assert_eq!(look(identity, &target(), &next).await, Ok(Standing::Differs));
            assert_eq!(apply(identity, &target(), &next).await, Ok(Applied::Updated));
            assert_eq!(look(identity, &target(), &next).await, Ok(Standing::Right));
        }
        let kept = identity.policy_versions(&target(), &first.arn).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|version| version.id.as_str()).collect();
        assert_eq!(kept, ["v4", "v5", "v6", "v7", "v8"], "the oldest make room");
    }

    #[test]
    fn a_boundary_of_ones_own_is_a_document_that_fits_and_keeps_the_denials() {
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
        let [functions, _] = wanted(&target(), &OwnResources::default(), Some(&own));
        assert!(fits(&functions).is_ok() && functions.document.contains("NoRights"));
        let long =
            json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(MANAGED_LIMIT) });
        let [functions, _] = wanted(&target(), &OwnResources::default(), Some(&[long]));
        assert!(fits(&functions).unwrap_err().contains("6144"));
    }
}
