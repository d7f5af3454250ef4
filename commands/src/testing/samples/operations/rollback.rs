//! `/rollback`.

use super::{throttled, void};
use crate::records::VersionSet;
use crate::rollback;
use crate::steps::first_minutes_samples;
use crate::testing::samples::outputs::{Outputs, recorded};
use crate::testing::samples::records::{change, pinned_apis, release};
use crate::testing::samples::{Journal, Sample};
use sluice_model::ReleaseNumber;

fn rolling_back(reason: Option<&str>) -> Journal {
    let alias = |function: &str| (format!("sluice-orders-prod-{function}"), "1".to_owned());
    // An API that the release to return to does not have.
    let mut admin = pinned_apis("prod", 2).into_values().next().expect("an API");
    admin.api = "a2".into();
    let params = rollback::Params {
        goes_first: false,
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        before: ReleaseNumber(2),
        before_commit: change(2),
        release: release(1, change(1), &["Hello"]),
        set: VersionSet {
            versions: ["Hello", "Count"].map(alias).into(),
            apis: pinned_apis("prod", 1),
            ..VersionSet::default()
        },
        apis: pinned_apis("prod", 2).into_iter().chain([("AdminApi".to_owned(), admin)]).collect(),
        settings: Default::default(),
        has_stack: false,
        is_first: false,
        reason: reason.map(str::to_owned),
        passed: vec![],
        outside: None,
        overrides: false,
    };
    let seen = serde_json::json!({
        "aliases": { "sluice-orders-prod-Hello": ["2", "rev"], "sluice-orders-prod-Count": ["2", "rev"] }, "serves": { "deployment": "d2", "variables": { "Hello": "2" } },
    });
    let mut outputs = Outputs::default().with("look", seen).with("record", recorded());
    if reason.is_some() {
        outputs = outputs.with("stop-api:AdminApi", serde_json::json!({ "left": "API AdminApi" }));
    }
    let command = match reason {
        Some(reason) => format!("/rollback orders prod {reason}"),
        None => "/rollback orders prod".into(),
    };
    Journal::accepted("rollback", &command, "orders", params, outputs)
}

pub(super) fn samples() -> Vec<Sample> {
    let rolled = void(&rolling_back(None), 3);
    vec![
        rolling_back(None).sample("just accepted"),
        rolling_back(None).until("alias:sluice-orders-prod-Hello").sample("half way"),
        rolling_back(Some("errors since <!channel> 9:30 *now*")).succeeded().sample("succeeded"),
        rolling_back(None)
            .succeeded()
            .followed_up(first_minutes_samples::bad())
            .sample("followed up: many calls fail"),
        rolling_back(None).failed("look", rolled).sample("void"),
        rolling_back(None)
            .failed("alias:sluice-orders-prod-Hello", throttled("lambda:UpdateAlias"))
            .sample("failed half way"),
    ]
}
