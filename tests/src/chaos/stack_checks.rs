//! What must hold for the stacks at the end of a run: a pure function of the evidence.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use crate::item::{body, text};

/// Stacks that are not at rest, variables that name what does not exist, and triggers that call no alias.
pub(crate) fn broken(evidence: &Evidence) -> Vec<String> {
    let mut wrong = vec![];
    let stacks = &evidence.stacks;
    let resolved: BTreeSet<String> = evidence
        .audit("resolved")
        .filter_map(|record| record["operation"].as_str().map(str::to_owned))
        .collect();
    for item in &evidence.items {
        let Some((_, pipeline)) = text(item, "pk").rsplit_once("/pipeline/") else { continue };
        let Some(stage) = text(item, "sk").strip_prefix("stage/") else { continue };
        let record = body(item);
        let mut own = evidence.heads.iter().filter(|head| head.pipeline == pipeline);
        let is_unclear = own.any(|head| head.status == "stuck" || resolved.contains(&head.id));
        if record["current"].is_null() || !record["mixed"].is_null() || is_unclear {
            continue;
        }
        let name = format!("sluice-{pipeline}-{stage}");
        if let Some(status) = stacks.statuses.get(&name) {
            let is_at_rest = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"];
            if !is_at_rest.contains(&status.as_str()) {
                wrong.push(format!("the stack {name} is {status}"));
            }
        }
        let prefix = format!("{name}-");
        let of_stage = stacks
            .variables
            .iter()
            .filter(|[function, alias, ..]| function.starts_with(&prefix) && alias == stage);
        for [function, _, variable, value] in of_stage {
            // The variable of a queue is its address, which ends with its name.
            let thing = value.rsplit('/').next().unwrap_or_default();
            if ["TABLE", "JOBS"].contains(&variable.as_str()) && !stacks.things.contains(thing) {
                wrong.push(format!(
                    "{function} runs on {stage} with {variable}={value}, which does not exist"
                ));
            }
        }
        let alias = format!(":{stage}");
        let triggers = stacks.triggers.iter().filter(|(_, calls)| calls.contains(&prefix));
        for (reads, calls) in triggers {
            if !calls.ends_with(&alias) {
                wrong.push(format!("a trigger on {reads} calls {calls}, not the alias of {stage}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chaos::evidence::Head;
    use crate::chaos::stack::Stacks;

    fn evidence(stacks: Stacks) -> Evidence {
        let record = json!({ "current": { "release": 2 } });
        let stage: Value = json!({
            "pk": { "S": "sluice/pipeline/orders" }, "sk": { "S": "stage/prod" }, "b": { "S": record.to_string() },
        });
        Evidence { items: vec![stage], stacks, ..Evidence::default() }
    }

    fn stacks() -> Stacks {
        let name = |text: &str| text.to_owned();
        Stacks {
            statuses: [(name("sluice-orders-prod"), name("UPDATE_COMPLETE"))].into(),
            variables: vec![["sluice-orders-prod-Hello", "prod", "TABLE", "orders-1"].map(str::to_owned)],
            things: [name("orders-1")].into(),
            triggers: vec![(name("jobs"), name("arn:aws:lambda:x:1:function:sluice-orders-prod-Work:prod"))],
        }
    }

    #[test]
    fn what_is_broken_is_named() {
        assert_eq!(broken(&evidence(stacks())), Vec::<String>::new());
        let mut busy = stacks();
        busy.statuses.insert("sluice-orders-prod".into(), "UPDATE_IN_PROGRESS".into());
        assert_eq!(broken(&evidence(busy)), ["the stack sluice-orders-prod is UPDATE_IN_PROGRESS"]);
        let gone = Stacks { things: BTreeSet::new(), ..stacks() };
        assert_eq!(
            broken(&evidence(gone)),
            ["sluice-orders-prod-Hello runs on prod with TABLE=orders-1, which does not exist"]
        );
        let mut latest = stacks();
        latest.triggers[0].1 = "arn:aws:lambda:x:1:function:sluice-orders-prod-Work".into();
        assert_eq!(broken(&evidence(latest)).len(), 1);
    }

    #[test]
    fn a_pipeline_with_a_stuck_operation_is_left_out() {
        let mut busy = stacks();
        busy.statuses.insert("sluice-orders-prod".into(), "UPDATE_IN_PROGRESS".into());
        let head = Head { pipeline: "orders".into(), status: "stuck".into(), ..Head::default() };
        let evidence = Evidence { heads: vec![head], ..evidence(busy) };
        assert_eq!(broken(&evidence), Vec::<String>::new());
    }
}
