//! What a change set may do in each pass.

use super::*;

fn change(id: &str, kind: &str, action: ChangeAction) -> Described {
    Described {
        logical_id: id.into(),
        kind: kind.into(),
        action,
        replacement: None,
        policy_action: None,
        scope: set(&["Properties"]),
        properties: set(&["X"]),
    }
}

fn replaced(id: &str, kind: &str, policy: PolicyAction) -> Described {
    let replacement = Some(Replacement::Conditional);
    Described { replacement, policy_action: Some(policy), ..change(id, kind, ChangeAction::Modify) }
}

const TABLE: &str = "AWS::DynamoDB::Table";
const RULE: &str = "AWS::Events::Rule";
const PARAMETER: &str = "AWS::SSM::Parameter";

fn emission() -> Emission {
    let rule = typed(RULE, json!({ "X": { "Fn::GetAtt": ["Fn", "Arn"] } }));
    let all = json!({ "T": typed(TABLE, json!({})), "R": rule, "P": typed(PARAMETER, json!({})) });
    stacked(&World::new(), &with(all)).unwrap().desired.stack.unwrap()
}

#[test]
fn grow_removes_deletes_and_replaces_nothing_that_matters() {
    use ChangeAction::{Add, Dynamic, Modify, Remove};
    let (grown, replace) = (emission(), Confirmed { replace: true });
    let found = |change: Described, confirmed| {
        assert_grow(&[change], &grown, confirmed).err().map(|mut all| all.remove(0))
    };
    let no = Confirmed::default();
    let table: Vec<(Described, Option<Forbidden>, Option<Forbidden>)> = vec![
        (change("T", TABLE, Add), None, None),
        (change("T", TABLE, Modify), None, None),
        (
            change("T", TABLE, Remove),
            Some(Forbidden::Removes("T".into())),
            Some(Forbidden::Removes("T".into())),
        ),
        (
            change("T", TABLE, Dynamic),
            Some(Forbidden::Unknown("T".into())),
            Some(Forbidden::Unknown("T".into())),
        ),
        (
            change("Z", TABLE, Add),
            Some(Forbidden::Unplanned("Z".into())),
            Some(Forbidden::Unplanned("Z".into())),
        ),
        (
            replaced("T", TABLE, PolicyAction::ReplaceAndRetain),
            Some(Forbidden::ReplacesData("T".into())),
            None,
        ),
        (
            replaced("P", PARAMETER, PolicyAction::ReplaceAndDelete),
            Some(Forbidden::Deletes("P".into())),
            Some(Forbidden::Deletes("P".into())),
        ),
        (replaced("P", PARAMETER, PolicyAction::ReplaceAndRetain), None, None),
        (change("R", RULE, Modify), Some(Forbidden::ChangesTrigger("R".into())), None),
    ];
    for (change, without, with) in table {
        assert_eq!(found(change.clone(), no), without, "{change:?}");
        assert_eq!(found(change.clone(), replace), with, "{change:?}");
    }
}

#[test]
fn wire_removes_only_dropped_triggers() {
    use ChangeAction::{Modify, Remove};
    let live = emission().template;
    let mut wired = emission();
    wired.template.resources.remove("R");
    wired.template.resources.remove("P");
    let found = |change: Described| assert_wire(&[change], &live, &wired, Confirmed::default()).is_ok();
    assert!(found(change("R", RULE, Remove)));
    assert!(!found(change("P", PARAMETER, Remove)), "it is no trigger");
    assert!(!found(change("T", TABLE, Remove)), "it is in the template");
    assert!(found(change("T", TABLE, Modify)));
    assert!(!found(replaced("T", TABLE, PolicyAction::ReplaceAndRetain)));
}

#[test]
fn shed_touches_only_what_goes() {
    use ChangeAction::{Add, Modify, Remove};
    let live = emission().template;
    let shed = shed(&live, &set(&["T"]), &set(&[])).unwrap().unwrap();
    let attributes =
        Described { scope: set(&["DeletionPolicy", "Metadata"]), ..change("P", PARAMETER, Modify) };
    assert_eq!(assert_shed(&[change("P", PARAMETER, Remove), attributes], &shed), Ok(()));
    for wrong in [change("T", TABLE, Remove), change("P", PARAMETER, Add), change("P", PARAMETER, Modify)] {
        assert!(assert_shed(std::slice::from_ref(&wrong), &shed).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_approval_is_bound_to_everything_that_was_shown_and_to_no_secret() {
    let mut grown = emission();
    let changes = [change("T", TABLE, ChangeAction::Add), change("P", PARAMETER, ChangeAction::Modify)];
    let digest = |release: &str, grown: &Emission, changes: &[Described]| {
        approval_digest(release, Some((grown, changes)), None)
    };
    let first = digest("r1", &grown, &changes);
    let other_order = [changes[1].clone(), changes[0].clone()];
    assert_eq!(first, digest("r1", &grown, &other_order));
    assert!(is_as_approved(&changes, &other_order) && !is_as_approved(&changes, &changes[..1]));
    assert_ne!(first, digest("r2", &grown, &changes));
    assert_ne!(first, digest("r1", &grown, &changes[..1]));
    assert_ne!(first, approval_digest("r1", None, Some((&grown, &changes))));
    let declare = |grown: &mut Emission, name: &str, declared: Value, value: &str| {
        grown.template.parameters.insert(name.into(), declared);
        grown.parameters.insert(name.into(), ParameterValue::Text(value.into()));
    };
    declare(&mut grown, "Secret", json!({ "Type": "String", "NoEcho": true }), "a");
    declare(&mut grown, "Image", json!({ "Type": "String" }), "a");
    let second = digest("r1", &grown, &changes);
    declare(&mut grown, "Secret", json!({ "Type": "String", "NoEcho": true }), "b");
    assert_eq!(second, digest("r1", &grown, &changes));
    declare(&mut grown, "Image", json!({ "Type": "String" }), "b");
    assert_ne!(second, digest("r1", &grown, &changes));
}

#[test]
fn the_types_of_a_stack_are_listed_for_its_change_set() {
    assert_eq!(emission().template.resource_types(), [TABLE, RULE, PARAMETER].into());
}
