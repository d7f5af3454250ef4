//! What holds for every stack and every pass.

use proptest::prelude::*;

use super::generate::{any_ids, any_template};
use super::*;

/// Every `Ref`, `Fn::GetAtt`, `Fn::If`, `Fn::FindInMap` and `DependsOn` of a text, by a walk of its own.
fn names(value: &Value, found: &mut BTreeSet<(String, String)>) {
    let mut add = |section: &str, name: &Value| {
        found.extend(name.as_str().map(|name| (section.to_owned(), name.to_owned())));
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match key.as_str() {
                    "Ref" => add("Resources", value),
                    "Fn::GetAtt" => add("Resources", &value[0]),
                    "Fn::If" => add("Conditions", &value[0]),
                    "Fn::FindInMap" => add("Mappings", &value[0]),
                    "DependsOn" => value.as_array().into_iter().flatten().for_each(|id| add("Resources", id)),
                    _ => {}
                }
            }
            map.values().for_each(|value| names(value, found));
        }
        _ => {}
    }
}

/// What every template that goes to CloudFormation has to be.
fn check(template: &StackTemplate) -> Result<(), TestCaseError> {
    let text = template.text();
    prop_assert_eq!(&StackTemplate::read(&text).unwrap(), template, "{}", text);
    prop_assert!(!template.resources.is_empty());
    let all: Value = serde_json::from_str(&text).unwrap();
    let mut found = BTreeSet::new();
    names(&all, &mut found);
    for (section, name) in &found {
        let is_there = all[section].get(name).is_some()
            || (section == "Resources"
                && (all["Parameters"].get(name).is_some() || name.starts_with("AWS::")));
        prop_assert!(is_there, "{section}.{name} in {text}");
    }
    for section in ["Parameters", "Conditions", "Mappings"] {
        for name in all[section].as_object().into_iter().flat_map(serde_json::Map::keys) {
            let by = if section == "Parameters" { "Resources" } else { section };
            prop_assert!(found.contains(&(by.to_owned(), name.clone())), "{name} is unused in {text}");
        }
    }
    prop_assert!(!text.contains("hunter22"), "{text}");
    // Functions of Sluice's are named without a qualifier or with the alias of the stage.
    for after in text.split("sluice-orders-prod-").skip(1) {
        let rest = after.trim_start_matches(|sign: char| sign.is_ascii_alphanumeric());
        prop_assert!(!rest.starts_with(':') || rest.starts_with(":prod"), "{after}");
        prop_assert!(!rest.starts_with(":prod:"), "{after}");
    }
    prop_assert!(!text.contains(":function:given-"), "{text}");
    Ok(())
}

fn all_ids(template: &StackTemplate) -> BTreeSet<String> {
    template.resources.keys().cloned().collect()
}

/// The stack of a template, or `None` if that is refused.
fn of(template: &Value) -> Option<Stacked> {
    stacked(&World::new(), template).ok()
}

#[test]
fn nearly_every_generated_template_is_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = any_template();
    let accepted = (0..200).filter(|_| {
        let template = proptest::strategy::ValueTree::current(&strategy.new_tree(&mut runner).unwrap());
        stacked(&World::new(), &template).inspect_err(|errors| println!("{}", errors[0])).is_ok()
    });
    let accepted = accepted.count();
    assert!(accepted > 120, "only {accepted} of 200 are accepted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn each_resource_of_the_stack_lands_once_and_nothing_dangles(template in any_template()) {
        let Some(stacked) = of(&template) else { return Ok(()) };
        let placed: BTreeSet<String> = stacked.split.placements.iter()
            .filter(|(_, placement)| placement.part == Part::Stack).map(|(id, _)| id.clone()).collect();
        match &stacked.desired.stack {
            None => prop_assert!(placed.is_empty()),
            Some(stack) => {
                let mut emitted = all_ids(&stack.template);
                emitted.remove("SluiceHandle");
                prop_assert_eq!(emitted, placed);
                check(&stack.template)?;
                let declared: Vec<&String> = stack.template.parameters.keys().collect();
                prop_assert_eq!(stack.parameters.keys().collect::<Vec<_>>(), declared);
            }
        }
        let again = of(&template).unwrap().desired.emission().template.text();
        prop_assert_eq!(stacked.desired.emission().template.text(), again);
    }

    #[test]
    fn passes_take_nothing_from_a_release(
        before in any_template(), between in any_template(), after in any_template(), kept in any_ids(), allowed in any_ids()
    ) {
        let kept = Kept { resources: kept };
        let mut live: Option<StackTemplate> = None;
        for (nth, template) in [&before, &between, &after].into_iter().enumerate() {
            let Some(Stacked { desired, .. }) = of(template) else { return Ok(()) };
            let release = format!("r{nth}");
            let old = live.clone().unwrap_or_default();
            let wanted = desired.emission().template;
            let kept_now: BTreeSet<String> = kept.resources.iter()
                .filter(|id| old.resources.contains_key(*id)).cloned().collect();

            let grown = grow(live.as_ref(), &desired, &release);
            let Ok(grown) = grown else { return Ok(()) };
            if let Some(grown) = &grown {
                check(&grown.template)?;
                prop_assert!(all_ids(&grown.template).is_superset(&all_ids(&old)));
                for (id, body) in &old.resources {
                    let new = &grown.template.resources[id];
                    let is_trigger = body.is_held_whole();
                    prop_assert!(!is_trigger || (&body.properties, &body.depends_on) == (&new.properties, &new.depends_on), "{id}");
                }
                for (id, body) in &grown.template.resources {
                    prop_assert!(old.resources.contains_key(id) || !body.is_held_whole(), "{id} is a new trigger");
                }
                live = Some(grown.template.clone());
            } else {
                prop_assert!(old.resources.is_empty());
            }
            let between = live.clone().unwrap_or_default();

            let wired = wire(live.as_ref(), &desired, &kept, &release).unwrap();
            let Some(wired) = wired else { prop_assert!(between.resources.is_empty()); continue };
            check(&wired.template)?;
            let ids = all_ids(&wired.template);
            prop_assert!(ids.is_superset(&all_ids(&wanted)) && ids.is_superset(&kept_now));
            for (id, body) in &wanted.resources {
                let mut wired = wired.template.resources[id].clone();
                // What an earlier pass switched off is switched on in so many words.
                if !body.properties.contains_key("Enabled") && between.resources.contains_key(id) {
                    let on = wired.properties.remove("Enabled");
                    prop_assert!(on.is_none_or(|on| on == true), "{id}");
                }
                prop_assert_eq!(&wired, body);
            }
            for id in all_ids(&between).difference(&ids) {
                prop_assert!(between.resources[id].is_held_whole(), "{id} is no trigger");
            }
            let again = wire(Some(&wired.template), &desired, &kept, &release).unwrap().unwrap();
            prop_assert!(again.template.is_same_stack(&wired.template), "a second WIRE changes nothing");
            live = Some(wired.template.clone());

            let mut stays = all_ids(&wanted);
            stays.extend(kept.resources.iter().cloned());
            let Some(shed) = shed(&wired.template, &stays, &allowed).unwrap() else { continue };
            if shed.dropped.is_empty() {
                prop_assert!(shed.release.is_none() && shed.remove.is_none() && !shed.protected.is_empty());
                continue;
            }
            for id in &shed.dropped {
                let body = &wired.template.resources[id];
                prop_assert!(!kept.resources.contains(id) && !wanted.resources.contains_key(id));
                prop_assert!(!body.is_stateful() || allowed.contains(id), "{id}");
            }
            if let Some(released) = &shed.release {
                check(&released.template)?;
                prop_assert_eq!(all_ids(&released.template), all_ids(&wired.template));
            }
            if let Some(removed) = &shed.remove {
                check(&removed.template)?;
                let mut left = all_ids(&wired.template);
                left.retain(|id| !shed.dropped.contains(id));
                if left.is_empty() {
                    left.insert("SluiceHandle".to_owned());
                }
                prop_assert_eq!(all_ids(&removed.template), left);
                live = Some(removed.template.clone());
            }
        }
    }

    #[test]
    fn a_stage_without_events_is_whole_too(template in any_template()) {
        let Some(Stacked { desired, .. }) = of(&template) else { return Ok(()) };
        let (off, still_on) = desired.clone().without_events();
        if let Some(stack) = &off.stack {
            check(&stack.template)?;
            for (id, body) in &stack.template.resources {
                if body.kind == "AWS::Lambda::EventSourceMapping" {
                    prop_assert_eq!(&body.properties["Enabled"], false);
                }
                let has_subscription = body.kind == "AWS::SNS::Topic" && body.properties.contains_key("Subscription");
                prop_assert!(!has_subscription, "{id}");
            }
        }
        prop_assert!(still_on.is_subset(&all_ids(&desired.emission().template)));
    }

    #[test]
    fn no_template_makes_it_panic(
        bodies in prop::collection::btree_map("[A-C]|Fn|Role", (kind(), any_json()), 0..5), other in any_json()
    ) {
        let resources: Value = bodies
            .into_iter()
            .map(|(id, (kind, value))| (id, json!({ "Type": kind, "UpdatePolicy": { "X": value }, "Properties": { "Name": value, "FunctionName": value, "Path": value } })))
            .collect();
        let template = json!({
            "Parameters": { "Stage": { "Type": "String" }, "Password": { "Type": "String", "NoEcho": true, "Default": "x" } },
            "Resources": resources,
            "Outputs": { "X": { "Value": other, "Export": { "Name": other } } },
        });
        let world = World::new();
        if let Ok(Stacked { template, split, desired }) = stacked(&world, &template) {
            super::super::rename(&template, &split, StageNames::Further(world.stage().name));
            if let Some(stack) = &desired.stack {
                let text = stack.template.text();
                prop_assert_eq!(&StackTemplate::read(&text).unwrap(), &stack.template);
            }
            let (off, _) = desired.without_events();
            let live = wire(None, &off, &Kept::default(), "r1");
            prop_assert!(live.is_ok(), "{live:?}");
        }
        _ = StackTemplate::read(&other.to_string());
    }
}

fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Url",
        "AWS::IAM::Role",
        "AWS::SQS::Queue",
        "AWS::SNS::Topic",
        "AWS::IoT::TopicRule",
        "AWS::CloudWatch::Alarm",
        "AWS::StepFunctions::StateMachine",
        "AWS::Events::Rule",
    ])
}

/// JSON that resembles what a stack holds.
fn any_json() -> impl Strategy<Value = Value> {
    crate::tests::resembling(&[
        "Ref",
        "Fn::Sub",
        "Fn::Join",
        "Fn::GetAtt",
        "Fn::If",
        "Fn::Select",
        "Fn::GetAZs",
        "Fn::ImportValue",
        "Stage",
        "Password",
        "Fn",
        "A",
        "Arn",
        "Fn.Arn",
        "${Fn.Arn}:live",
        "${Fn}:",
        "${Password}${",
        "arn:aws:lambda:x:1:function:${Fn}",
        "/aws/lambda/",
        "AWS::NoValue",
        "AWS::StackId",
        "0",
        "",
        "{{resolve:ssm:x}}",
        "{{resolve:secretsmanager:",
        "}}",
        "é:prod",
        "TopicRulePayload",
        "Dimensions",
    ])
}
