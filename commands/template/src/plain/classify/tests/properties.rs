//! What holds for every split: over small templates, generated from the kinds of resources that touch each other.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::plain::partial::Attribute;
use crate::plain::references::{Decided, References};

/// The number of resources of each kind at most; references are drawn among those that exist.
const IDS: [&str; 14] = ["F0", "F1", "F2", "R0", "R1", "P0", "A0", "S0", "V0", "Q0", "C0", "D0", "E0", "M0"];

/// A resource of the kind that an id stands for. `pick` chooses what it refers to.
fn resource(id: &str, pick: &[usize], present: &[&str]) -> Value {
    let of = |kinds: &str, n: usize| -> Option<String> {
        let fitting: Vec<&&str> = present
            .iter()
            .filter(|other| kinds.contains(other.as_bytes()[0] as char) && **other != id)
            .collect();
        let index = pick.get(n).copied().unwrap_or_default();
        (!fitting.is_empty()).then(|| fitting[index % fitting.len()].to_string())
    };
    let arn = |id: Option<String>| id.map_or(json!("literal"), |id| json!({ "Fn::GetAtt": [id, "Arn"] }));
    let name = |id: Option<String>| id.map_or(json!("literal"), |id| json!({ "Ref": id }));
    let (kind, properties) = match id.get(..1).unwrap_or_default() {
        "F" => (
            "AWS::Lambda::Function",
            json!({
                "FunctionName": id,
                "Role": arn(of("R", 0)),
                "Environment": { "Variables": { "A": name(of("QFASV", 1)), "B": { "Fn::Sub": "${AWS::Region}" } } }
            }),
        ),
        "R" => (
            "AWS::IAM::Role",
            json!({ "Policies": [{ "PolicyDocument": { "Resource": arn(of("QF", 0)) } }] }),
        ),
        "P" => ("AWS::IAM::Policy", json!({ "Roles": [name(of("R", 0)), name(of("R", 1))] })),
        "A" => ("AWS::ApiGatewayV2::Api", json!({ "Body": { "uri": arn(of("F", 0)) } })),
        "S" => ("AWS::ApiGatewayV2::Stage", json!({ "ApiId": name(of("A", 0)), "StageName": "$default" })),
        "V" => ("AWS::Lambda::Version", json!({ "FunctionName": name(of("F", 0).or(Some("F0".into()))) })),
        "Q" => ("AWS::SQS::Queue", json!({ "Tags": [{ "Key": "k", "Value": name(of("FRAV", 0)) }] })),
        "C" => (
            "Custom::X",
            json!({ "ServiceToken": arn(of("F", 0).or(Some("F0".into()))), "X": name(of("FQ", 1)) }),
        ),
        "E" => (
            "AWS::Lambda::EventInvokeConfig",
            json!({ "FunctionName": name(of("F", 0).or(Some("F0".into()))), "Qualifier": "$LATEST" }),
        ),
        "M" => {
            // A version has no ARN beside its `Ref`.
            let by_arn = pick.get(1).is_some_and(|pick| pick % 2 == 0);
            let function = match by_arn {
                true => arn(of("F", 0).or(Some("F0".into()))),
                false => name(of("FV", 0).or(Some("F0".into()))),
            };
            ("AWS::Lambda::EventSourceMapping", json!({ "FunctionName": function, "X": arn(of("Q", 2)) }))
        }
        _ => (
            "AWS::Lambda::Permission",
            json!({
                "FunctionName": name(of("FV", 0).or(Some("F0".into()))),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": name(of("AQ", 1))
            }),
        ),
    };
    let depends: Vec<&&str> =
        present.iter().filter(|other| **other != id).take(pick.first().copied().unwrap_or(0) % 3).collect();
    json!({ "Type": kind, "Properties": properties, "DependsOn": depends })
}

/// A template with `F0` and some others.
fn any_template() -> impl Strategy<Value = Value> {
    let picks = prop::collection::vec(prop::collection::vec(0usize..12, 3), IDS.len());
    (prop::collection::vec(any::<bool>(), IDS.len()), picks).prop_map(|(chosen, picks)| {
        let present: Vec<&str> = IDS
            .iter()
            .zip(&chosen)
            .filter(|(id, chosen)| **chosen || **id == "F0")
            .map(|(id, _)| *id)
            .collect();
        let resources: Map<String, Value> = IDS
            .iter()
            .zip(&picks)
            .filter(|(id, _)| present.contains(id))
            .map(|(id, pick)| ((*id).to_owned(), resource(id, pick, &present)))
            .collect();
        json!({ "Resources": resources })
    })
}

/// The references of a resource.
fn references(template: &Value, id: &str) -> References {
    References::of(&template["Resources"][id]["Properties"], &Decided::new())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn each_resource_has_one_place_and_every_reference_a_resolution(template in any_template()) {
        let split = World::new().split(&template).unwrap();
        let all = template["Resources"].as_object().unwrap();
        prop_assert_eq!(split.placements.len(), all.len());
        for (id, placement) in &split.placements {
            prop_assert!(placement.held.is_none() || placement.part == Part::Stack, "{id}: {placement:?}");
            if matches!(placement.part, Part::Dropped(_)) {
                continue;
            }
            for reference in references(&template, id).values {
                if !all.contains_key(&reference.name) {
                    continue;
                }
                let resolution = split.resolution(&reference.name, &reference.attribute);
                prop_assert!(!matches!(resolution, Resolution::Never(_)), "{id} -> {reference:?}: {resolution:?}");
                let dropped = matches!(split.part(&reference.name), Some(Part::Dropped(_)));
                prop_assert!(!dropped || matches!(resolution, Resolution::AliasArn(_)), "{id} -> {reference:?}");
            }
        }
    }

    #[test]
    fn nothing_of_the_stack_names_a_direct_role_or_a_version_of_a_direct_function(template in any_template()) {
        let split = World::new().split(&template).unwrap();
        for id in ids(&split, |part| *part == Part::Stack) {
            for reference in references(&template, id).values {
                let part = split.part(&reference.name);
                prop_assert!(part != Some(&Part::Role), "{id} names the role {}", reference.name);
                if matches!(part, Some(Part::Function)) && matches!(reference.attribute, Attribute::Named(_)) {
                    let resolution = split.resolution(&reference.name, &reference.attribute);
                    prop_assert_eq!(resolution, Resolution::AliasArn(reference.name));
                }
            }
        }
    }

    #[test]
    fn what_would_invoke_the_bare_function_is_listed_for_the_alias(template in any_template()) {
        let split = World::new().split(&template).unwrap();
        let listed = split.notices.iter().find_map(|notice| match notice {
            Notice::NeedsAlias(places) => Some(places.clone()),
            _ => None,
        });
        let listed = listed.unwrap_or_default();
        for id in ids(&split, |part| *part == Part::Stack).into_iter().filter(|id| id.starts_with(['D', 'E', 'M'])) {
            let properties = &template["Resources"][id]["Properties"];
            let target = References::of(&properties["FunctionName"], &Decided::new()).values.pop_first().unwrap();
            let is_bare = split.part(&target.name) == Some(&Part::Function) && target.attribute == Attribute::Ref;
            prop_assert_eq!(listed.contains(&(id.to_owned(), "FunctionName".to_owned())), is_bare, "{}", id);
            let is_latest = properties["Qualifier"] == "$LATEST";
            prop_assert_eq!(listed.contains(&(id.to_owned(), "Qualifier".to_owned())), is_latest, "{}", id);
        }
    }

    #[test]
    fn what_a_custom_resource_invokes_is_whole_in_the_stack(template in any_template()) {
        let split = World::new().split(&template).unwrap();
        let all = template["Resources"].as_object().unwrap();
        for (id, _) in all.iter().filter(|(id, _)| id.starts_with('C')) {
            let token = References::of(&template["Resources"][id]["Properties"]["ServiceToken"], &Decided::new());
            for function in token.values {
                prop_assert_eq!(split.part(&function.name), Some(&Part::Stack));
                for used in references(&template, &function.name).values {
                    if used.name.starts_with('R') {
                        prop_assert_eq!(split.part(&used.name), Some(&Part::Stack));
                    }
                }
            }
        }
    }

    #[test]
    fn a_policy_is_folded_only_into_direct_roles_and_takes_no_stack_role_along(template in any_template()) {
        let split = World::new().split(&template).unwrap();
        for (id, placement) in &split.placements {
            let roles: Vec<String> =
                references(&template, id).values.into_iter().map(|used| used.name).filter(|name| name.starts_with('R')).collect();
            match &placement.part {
                Part::Policy(roles) => {
                    prop_assert!(roles.iter().all(|role| split.part(role) == Some(&Part::Role)), "{id}: {roles:?}");
                }
                Part::Stack if id.starts_with('P') => {
                    prop_assert!(roles.iter().all(|role| split.part(role) == Some(&Part::Stack)), "{id}: {roles:?}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_split_depends_on_neither_the_order_nor_on_depends_on(template in any_template(), seed in any::<u64>()) {
        let split = World::new().split(&template);
        let mut other = template.clone();
        let mut resources: Vec<(String, Value)> =
            template["Resources"].as_object().unwrap().clone().into_iter().collect();
        resources.sort_by_key(|(id, _)| id.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)));
        for (_, resource) in &mut resources {
            resource.as_object_mut().unwrap().remove("DependsOn");
        }
        other["Resources"] = resources.into_iter().collect();
        prop_assert_eq!(split, World::new().split(&other));
    }
}
