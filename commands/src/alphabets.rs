//! AWS's own patterns, held against everything that Sluice names, tags or describes: the emulator checks few of them, and a
//! value that AWS refuses ends the operation on the first real account. Sources: the service models of botocore, and
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html> for tags.

use regex_lite::Regex;

use crate::resources::rights::{FixedNames, ImmutableRole};
use crate::resources::{described, role_description};
use crate::{build_op, names, repo};
use sluice_model::{BuildNumber, PipelineName, StageName, Target};
use sluice_template::{AppRights, function_name};

/// The alphabet of tags that every service takes: letters, digits, spaces and `_.:/=+-@`.
const TAG: &str = r"^[A-Za-z0-9 _.:/=+\-@]+$";

fn holds(pattern: &str, limit: usize, text: &str) {
    let fits = Regex::new(pattern).unwrap().is_match(text);
    assert!(fits && text.chars().count() <= limit, "{text:?} is outside of {pattern} or longer than {limit}");
}

/// The shortest names that people can give, usual ones and the longest.
fn pipelines() -> Vec<PipelineName> {
    ["ab", "orders", &"x".repeat(40)].map(|name| PipelineName::new(name).unwrap()).into()
}

fn stages() -> Vec<StageName> {
    ["qa", "prod", &"y".repeat(20)].map(|name| StageName::new(name).unwrap()).into()
}

fn target() -> Target {
    Target { account: "123456789012".into(), region: "ap-southeast-1".into() }
}

#[test]
fn tags_are_in_the_alphabet_of_every_service() {
    let all = pipelines().iter().map(names::tags).chain([names::shared_tags()]).collect::<Vec<_>>();
    for (key, value) in all.iter().flatten() {
        holds(TAG, 128, key);
        holds(TAG, 256, value);
        assert!(!key.starts_with("aws:") && !value.starts_with("aws:"), "reserved: {key} {value}");
    }
    // What is shared must never be taken for a pipeline's.
    assert!(names::shared_tags() != names::tags(&PipelineName::new("orders").unwrap()));
}

#[test]
fn names_and_descriptions_are_in_the_alphabets_of_their_services() {
    let target = target();
    holds(r"^[a-z0-9][a-z0-9.\-]+[a-z0-9]$", 63, &names::bucket(&target));
    holds(r"^[\w+=,.@\-]+$", 128, &names::boundary(&target));
    holds(r"^[\w+=,.@\-]+$", 128, &names::build_boundary(&target));
    holds(r"^[\w+=,.@\-]+$", 128, &names::api_boundary(&target));
    holds(r"^[\w+=,.@\-]+$", 128, &names::stack_boundary(&target));
    holds(r"^/([!-~]+/)?$", 512, names::IAM_PATH);
    for name in pipelines() {
        holds(r"^[\w.\-]+$", 100, name.as_str());
        holds(r"^[A-Za-z0-9][A-Za-z0-9\-_]+$", 150, &names::project(&name));
        holds(r"^[!-~]+$", 900, &names::build_prefix(&name, BuildNumber(u32::MAX), &"f".repeat(40)));
        holds(r"^[^<>&]+$", 1000, &repo::repository_description(&name));
        holds(r"^.+$", 255, &repo::project_description(&name));
        holds(r"^[\t\n\r -~\u{a1}-\u{ff}]+$", 1000, &role_description(&name));
        let mut roles = vec![ImmutableRole::of_builds(&target, &name)];
        for stage in stages() {
            for logical_id in ["A", &"L".repeat(255)] {
                holds(r"^.+$", 128, &names::api(&name, &stage, logical_id));
            }
            roles.push(ImmutableRole::of_api(&target, &name, &stage));
            roles.push(ImmutableRole::of_stack(&target, (&name, &stage), &FixedNames::default()).unwrap());
            for logical_id in ["F", &"L".repeat(255)] {
                let function = function_name(&name, &stage, logical_id);
                holds(r"^[a-zA-Z0-9\-_]+$", 64, &function);
                roles.push(ImmutableRole::of_function(
                    &target,
                    (&name, &stage),
                    &function,
                    &AppRights::default(),
                ));
            }
        }
        for role in roles {
            holds(r"^/([!-~]+/)?$", 512, &role.path);
            holds(r"^[\w+=,.@\-]+$", 64, &role.name);
            holds(r"^[\t\n\r -~\u{a1}-\u{ff}]+$", 10_240, &role.policy);
        }
    }
    for stage in stages() {
        // An alias.
        holds(r"^[a-zA-Z0-9\-_]*[a-zA-Z\-_][a-zA-Z0-9\-_]*$", 128, stage.as_str());
    }
    holds(r"^.+$", 1024, &described(&"d".repeat(64), &"r".repeat(64)));
    holds(r"^[A-Za-z_][A-Za-z0-9_]*$", 255, build_op::OPERATION_VARIABLE);
}
