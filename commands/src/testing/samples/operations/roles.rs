//! `/pipeline grant` and `revoke`.

use super::gone;
use crate::pipeline::roles;
use crate::records::Grant;
use crate::rules::{RoleChange, Source};
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{BEGIN, access, actor};
use crate::testing::samples::{Journal, Sample};
use sluice_model::{Member, Role};

fn changing_roles(gives: bool, role: Role, kept: Option<&str>) -> Journal {
    changing_roles_of(actor("dan").id.into(), gives, role, kept)
}

fn changing_roles_of(person: Member, gives: bool, role: Role, kept: Option<&str>) -> Journal {
    let verb = if gives { "grant" } else { "revoke" };
    let name = Some("orders".parse().expect("a name"));
    let change = RoleChange { person, role, name, gives };
    let command = format!("/pipeline {verb} {} {} orders", change.person.mention(), role.word());
    let outputs = Outputs::default().with("record", kept);
    Journal::accepted(change.kind(), &command, "orders", change, outputs)
}

fn granted_for_all() -> String {
    let (person, role) = (actor("dan").id.into(), Role::Operators);
    roles::kept_by(&Source::Everywhere(&Grant { person, role, by: actor("ada"), at: BEGIN }))
}

pub(super) fn samples() -> Vec<Sample> {
    vec![
        changing_roles(true, Role::Operators, None).sample("just accepted"),
        changing_roles(true, Role::Operators, None).succeeded().sample("granted"),
        changing_roles_of(Member::Group("S0LEADS01".parse().expect("a group")), true, Role::Approvers, None)
            .succeeded()
            .sample("granted to a group"),
        changing_roles(true, Role::Oncall, None)
            .failed("record", access().administer(&actor("dan").id).expect_err("no admin"))
            .sample("failed: who asked is no admin any more"),
        changing_roles(false, Role::Approvers, None).sample("just accepted"),
        changing_roles(false, Role::Approvers, None).succeeded().sample("revoked"),
        changing_roles(false, Role::Operators, Some(&granted_for_all()))
            .succeeded()
            .sample("revoked, and kept"),
        changing_roles(false, Role::Admins, None).failed("record", gone()).sample("failed"),
    ]
}
