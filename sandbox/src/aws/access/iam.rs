//! The actions that calls to IAM need. IAM's requests name roles without their path, so the ARN is that of the existing role.

use std::collections::BTreeMap;

use super::super::account::ACCOUNT;
use super::super::request::AwsRequest;
use super::action::Action;
use super::roles::Roles;

/// The operations whose permissions may depend on the boundary of the changed role.
const WITH_BOUNDARY: [&str; 6] = [
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
];

/// The actions that a call needs.
pub async fn required(method: &str, request: &AwsRequest, roles: &Roles) -> Vec<Action> {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str);
    let action = format!("iam:{method}");
    let path = field("Path").unwrap_or("/");
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::{ACCOUNT}:{kind}{path}{name}");
    let tags: Vec<(String, String)> = (1..)
        .map_while(|n| {
            let of = |part: &str| form.get(&format!("Tags.member.{n}.{part}")).cloned();
            Some((of("Key")?, of("Value").unwrap_or_default()))
        })
        .collect();
    if let Some(name) = field("RoleName") {
        let role = if method == "CreateRole" { None } else { roles.of_name(name).await };
        // A role that does not exist has no path: a policy on `role/path/*` does not allow looking it up.
        let resource = role.as_ref().map_or_else(|| arn("role", name), |role| role.arn.clone());
        let mut own = Action::new(action, &resource).tagged(&tags);
        let boundary = field("PermissionsBoundary")
            .map(str::to_owned)
            .or_else(|| role.as_ref().and_then(|role| role.boundary.clone()));
        if let Some(boundary) = boundary.filter(|_| WITH_BOUNDARY.contains(&method)) {
            own = own.with("iam:PermissionsBoundary", boundary);
        }
        if let Some(policy) = field("PolicyArn") {
            own = own.with("iam:PolicyARN", policy);
        }
        for (key, value) in role.iter().flat_map(|role| &role.tags) {
            own = own
                .with(format!("aws:ResourceTag/{key}"), value)
                .with(format!("iam:ResourceTag/{key}"), value);
        }
        let is_tagged = method == "CreateRole" && !tags.is_empty();
        let tagging = is_tagged.then(|| Action::new("iam:TagRole", resource).tagged(&tags));
        return [own].into_iter().chain(tagging).collect();
    }
    if let Some(policy) = field("PolicyArn") {
        return vec![Action::new(action, policy).tagged(&tags)];
    }
    if let Some(name) = field("PolicyName") {
        let resource = arn("policy", name);
        let tagging = (!tags.is_empty()).then(|| Action::new("iam:TagPolicy", &resource).tagged(&tags));
        return [Action::new(action, resource.clone()).tagged(&tags)].into_iter().chain(tagging).collect();
    }
    vec![Action::new(action, format!("arn:aws:iam::{ACCOUNT}:*"))]
}
