//! Who may do what (DESIGN 11). Reading is for everybody; without any role configured every mutation is refused.
//!
//! A privileged act takes a [`Granted`], which only these rules can make (`STYLE.md` 8).

use std::collections::BTreeSet;

use crate::ids::UserId;
use crate::operation::Refusal;

/// The roles by Slack user, as `sluice.toml` pins them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Build, deploy, promote to open stages, ask for promotions.
    pub operators: BTreeSet<UserId>,
    /// Stages, and everything that operators may.
    pub admins: BTreeSet<UserId>,
    /// Approve promotions; if there are none, the operators do.
    pub approvers: BTreeSet<UserId>,
}

/// Proof that the rules were asked: which one allowed it. It goes into the audit record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    rule: &'static str,
}

impl Granted {
    /// The rule that allowed it.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl Access {
    /// Whether nobody has any role.
    pub fn is_empty(&self) -> bool {
        self.operators.is_empty() && self.admins.is_empty()
    }

    /// May this person work on pipelines?
    pub fn operate(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.admins.contains(who) {
            return Ok(Granted { rule: "admins" });
        }
        if self.operators.contains(who) {
            return Ok(Granted { rule: "operators" });
        }
        Err(self.refuse("not-an-operator", "operators", &self.operators))
    }

    /// May this person change what protects a stage?
    pub fn administer(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.admins.contains(who) {
            return Ok(Granted { rule: "admins" });
        }
        Err(self.refuse("not-an-admin", "admins", &self.admins))
    }

    /// May this person approve what that person asked for?
    pub fn approve(&self, who: &UserId, requester: &UserId) -> Result<Granted, Refusal> {
        if !self.approvers().contains(who) {
            return Err(self.refuse("not-an-approver", "approvers", self.approvers()));
        }
        if who == requester {
            return Err(Refusal::new(
                "own-request",
                "This is your own request: somebody else has to decide.",
                "Ask another approver to look at it.",
            ));
        }
        Ok(Granted { rule: "approvers" })
    }

    /// May this person stop what that person asked for? A button that anybody can press is a way to stop a release.
    pub fn cancel(&self, who: &UserId, requester: &UserId) -> Result<Granted, Refusal> {
        if self.admins.contains(who) {
            return Ok(Granted { rule: "admins" });
        }
        if who == requester {
            return self.operate(who).map(|_| Granted { rule: "requester" });
        }
        Err(Refusal::new(
            "not-yours",
            format!("Only <@{requester}>, who asked for it, or an admin may stop it."),
            "Ask one of them.",
        ))
    }

    /// Who approves by default.
    pub fn approvers(&self) -> &BTreeSet<UserId> {
        if self.approvers.is_empty() { &self.operators } else { &self.approvers }
    }

    fn refuse(&self, code: &str, role: &str, who: &BTreeSet<UserId>) -> Refusal {
        if self.is_empty() {
            return Refusal::new(
                "no-roles",
                "Nobody may change anything yet: no roles are configured.",
                "Write them into sluice.toml: `[access]`, `operators = [\"U…\"]`, `admins = [\"U…\"]`, then restart Sluice.",
            );
        }
        let mut names: Vec<_> = who.iter().take(5).map(|user| format!("<@{user}>")).collect();
        if who.len() > names.len() {
            names.push(format!("{} more", who.len() - names.len()));
        }
        let hint = match names.as_slice() {
            [] => "Nobody has that role yet: `sluice.toml` gives it.".to_owned(),
            names => format!("Ask somebody who may: {}.", names.join(", ")),
        };
        Refusal::new(code, format!("Only {role} may do that, and you are not one of them."), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::new(id).unwrap()
    }

    fn access() -> Access {
        Access {
            operators: [user("U1"), user("U2")].into(),
            admins: [user("U3")].into(),
            approvers: [user("U2")].into(),
        }
    }

    #[test]
    fn roles_are_what_the_file_says() {
        let access = access();
        assert_eq!(access.operate(&user("U1")).unwrap().rule(), "operators");
        assert_eq!(access.operate(&user("U3")).unwrap().rule(), "admins");
        assert_eq!(access.operate(&user("U9")).unwrap_err().code, "not-an-operator");
        assert_eq!(access.administer(&user("U1")).unwrap_err().code, "not-an-admin");
        assert!(access.administer(&user("U3")).is_ok());
    }

    #[test]
    fn nobody_approves_himself_and_only_approvers_approve() {
        let access = access();
        assert!(access.approve(&user("U2"), &user("U1")).is_ok());
        assert_eq!(access.approve(&user("U2"), &user("U2")).unwrap_err().code, "own-request");
        assert_eq!(access.approve(&user("U1"), &user("U2")).unwrap_err().code, "not-an-approver");
        let default = Access { approvers: BTreeSet::new(), ..access };
        assert!(default.approve(&user("U1"), &user("U2")).is_ok());
    }

    #[test]
    fn only_who_asked_or_an_admin_stops_it() {
        let access = access();
        assert_eq!(access.cancel(&user("U1"), &user("U1")).unwrap().rule(), "requester");
        assert_eq!(access.cancel(&user("U3"), &user("U1")).unwrap().rule(), "admins");
        assert_eq!(access.cancel(&user("U2"), &user("U1")).unwrap_err().code, "not-yours");
        let gone = access.cancel(&user("U9"), &user("U9")).unwrap_err();
        assert_eq!(gone.code, "not-an-operator", "who lost the role stops nothing any more");
    }

    #[test]
    fn without_roles_everything_is_refused_with_the_lines_to_write() {
        let refusal = Access::default().operate(&user("U1")).unwrap_err();
        assert_eq!(refusal.code, "no-roles");
        assert!(refusal.hint.contains("operators = "));
    }
}
