//! The click on a button: the one place where the id and the value of a button are written and read.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{BuildNumber, OperationId, PipelineName, Refusal, ReleaseNumber, Role, StageName, UserId};

/// What a click decides. The variant is the `action_id` of DESIGN 8, its content the button's value as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", content = "value")]
pub enum Click {
    /// Approves a promotion.
    #[serde(rename = "promotion.approve")]
    Approve(Wait),
    /// Rejects a promotion.
    #[serde(rename = "promotion.reject")]
    Reject(Wait),
    /// Cancels an operation.
    #[serde(rename = "operation.cancel")]
    Cancel(OperationId),
    /// Runs the failed steps of a stuck operation again.
    #[serde(rename = "operation.retry")]
    Retry(Wait),
    /// Ends a stuck operation with what its steps observe.
    #[serde(rename = "operation.resolve")]
    Resolve(Wait),
    /// Requests the role that a refused command lacked.
    #[serde(rename = "access.ask")]
    AskAccess {
        /// The missing role.
        role: Role,
        /// `None`: for all pipelines.
        pipeline: Option<PipelineName>,
        /// The refused command.
        wanted: String,
    },
    /// Grants a requested role.
    #[serde(rename = "access.grant")]
    GrantAccess(AccessRequest),
    /// Declines a requested role.
    #[serde(rename = "access.decline")]
    DeclineAccess(AccessRequest),
    /// Moves a stage although it drifted.
    #[serde(rename = "drift.go")]
    AcceptDrift(Confirmed),
    /// Lowers a stage's number of approvals.
    #[serde(rename = "stage.lower")]
    LowerPolicy(Confirmed),
    /// Removes a stage.
    #[serde(rename = "stage.remove")]
    RemoveStage(Confirmed),
    /// Builds the newest commit.
    #[serde(rename = "next.build")]
    Build(NextStep),
    /// Builds a commit once more.
    #[serde(rename = "next.retry")]
    BuildAgain(NextStep),
    /// Shows the log of a build.
    #[serde(rename = "next.log")]
    BuildLog(NextStep),
    /// Deploys a build.
    #[serde(rename = "next.deploy")]
    Deploy(NextStep),
    /// Promotes a release.
    #[serde(rename = "next.promote")]
    Promote(NextStep),
    /// Moves a stage back.
    #[serde(rename = "next.rollback")]
    RollBack(NextStep),
    /// Shows older entries of a history.
    #[serde(rename = "history.older")]
    Older {
        /// The key of the last entry shown.
        after: String,
        /// The command, with absolute times.
        line: String,
    },
}

/// The wait that a decision is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// The operation.
    pub operation: OperationId,
    /// The step and the sequence since which it waits: `approval@16`.
    pub wait: String,
}

/// A request for a role. The id tells it from an earlier one for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRequest {
    /// The requester.
    pub person: UserId,
    /// The requested role.
    pub role: Role,
    /// `None`: for all pipelines.
    pub pipeline: Option<PipelineName>,
    /// The request.
    pub id: OperationId,
}

/// A command to run again, confirmed for the state that its author saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// The digest of that state.
    pub seen: String,
    /// The command with its confirmation.
    pub line: String,
}

/// A command that a message offers as the next step. It runs for the person who clicks, as if that person had typed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextStep {
    /// The command.
    pub line: String,
    /// What it was offered for: an old message must not move what has moved on since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub while_it: Option<Holds>,
}

/// What has to be true for a next step to make sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Holds {
    /// A stage of the command's pipeline runs this release.
    Runs {
        /// The stage.
        stage: StageName,
        /// The release.
        release: ReleaseNumber,
    },
    /// No later build of the command's pipeline succeeded.
    Newest(BuildNumber),
}

impl NextStep {
    /// A command that always makes sense.
    pub fn new(line: String) -> Self {
        Self { line, while_it: None }
    }

    /// A command that makes sense while the stage runs the release.
    pub fn while_runs(line: String, stage: &StageName, release: ReleaseNumber) -> Self {
        Self { line, while_it: Some(Holds::Runs { stage: stage.clone(), release }) }
    }

    /// A command that makes sense while no later build succeeded.
    pub fn while_newest(line: String, build: BuildNumber) -> Self {
        Self { line, while_it: Some(Holds::Newest(build)) }
    }
}

impl Click {
    /// The longest value, in characters: Slack's limit. A button with a longer value is not shown.
    pub const LONGEST_VALUE: usize = 2_000;

    /// The button's `action_id` and value.
    pub fn encode(&self) -> (String, String) {
        let encoded = serde_json::to_value(self).unwrap_or_default();
        (encoded["action"].as_str().unwrap_or_default().to_owned(), encoded["value"].to_string())
    }

    /// Reads what a click delivers.
    ///
    /// # Errors
    /// [`invalid_button`], if this version has no such button: it is of another version, or forged.
    pub fn decode(action_id: &str, value: &str) -> Result<Self, Refusal> {
        let is_short = value.chars().count() <= Self::LONGEST_VALUE;
        let value: Option<Value> = serde_json::from_str(value).ok().filter(|_| is_short);
        let click = value.map(|value| serde_json::from_value(json!({ "action": action_id, "value": value })));
        click.and_then(Result::ok).ok_or_else(invalid_button)
    }

    /// The operation that the click acts on.
    pub fn operation(&self) -> Option<&OperationId> {
        match self {
            Self::Approve(Wait { operation, .. })
            | Self::Reject(Wait { operation, .. })
            | Self::Retry(Wait { operation, .. })
            | Self::Resolve(Wait { operation, .. })
            | Self::Cancel(operation) => Some(operation),
            _ => None,
        }
    }

    /// The command that it runs, if it offers one as the next step.
    pub fn next_step(&self) -> Option<&NextStep> {
        match self {
            Self::Build(next)
            | Self::BuildAgain(next)
            | Self::BuildLog(next)
            | Self::Deploy(next)
            | Self::Promote(next)
            | Self::RollBack(next) => Some(next),
            _ => None,
        }
    }
}

/// The refusal of a button that cannot be read, or whose command has another meaning now.
pub fn invalid_button() -> Refusal {
    let problem = "This button is no longer valid.";
    Refusal::new("bad-button", problem, "Use a command instead: see `/pipeline help`.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = OperationId> {
        "[0-7][0-9A-HJKMNP-TV-Z]{25}".prop_map(|id| OperationId::new(id).unwrap())
    }

    fn wait() -> impl Strategy<Value = Wait> {
        (id(), "[a-z0-9:/-]{1,200}@[0-9]{1,20}").prop_map(|(operation, wait)| Wait { operation, wait })
    }

    fn pipeline() -> impl Strategy<Value = Option<PipelineName>> {
        proptest::option::of("[a-z][a-z0-9-]{0,38}[a-z0-9]".prop_map(|name| PipelineName::new(name).unwrap()))
    }

    fn role() -> impl Strategy<Value = Role> {
        proptest::sample::select(&Role::ALL[..])
    }

    fn request() -> impl Strategy<Value = AccessRequest> {
        let person = "[A-Z0-9]{2,40}".prop_map(|id| UserId::new(id).unwrap());
        (person, role(), pipeline(), id()).prop_map(|(person, role, pipeline, id)| AccessRequest {
            person,
            role,
            pipeline,
            id,
        })
    }

    fn confirmed() -> impl Strategy<Value = Confirmed> {
        ("[0-9a-f]{1,64}", "\\PC{0,300}").prop_map(|(seen, line)| Confirmed { seen, line })
    }

    fn next_step() -> impl Strategy<Value = NextStep> {
        let runs = ("[a-z][a-z0-9-]{0,18}[a-z0-9]", 1u32..).prop_map(|(stage, release)| Holds::Runs {
            stage: StageName::new(stage).unwrap(),
            release: ReleaseNumber(release),
        });
        let holds = prop_oneof![runs, (1u32..).prop_map(|number| Holds::Newest(BuildNumber(number)))];
        ("\\PC{0,300}", proptest::option::of(holds)).prop_map(|(line, while_it)| NextStep { line, while_it })
    }

    fn clicks() -> impl Strategy<Value = Click> {
        prop_oneof![
            next_step().prop_map(Click::Build),
            next_step().prop_map(Click::BuildAgain),
            next_step().prop_map(Click::BuildLog),
            next_step().prop_map(Click::Deploy),
            next_step().prop_map(Click::Promote),
            next_step().prop_map(Click::RollBack),
            wait().prop_map(Click::Approve),
            wait().prop_map(Click::Reject),
            id().prop_map(Click::Cancel),
            wait().prop_map(Click::Retry),
            wait().prop_map(Click::Resolve),
            (role(), pipeline(), "\\PC{0,300}").prop_map(|(role, pipeline, wanted)| Click::AskAccess {
                role,
                pipeline,
                wanted
            }),
            request().prop_map(Click::GrantAccess),
            request().prop_map(Click::DeclineAccess),
            confirmed().prop_map(Click::AcceptDrift),
            confirmed().prop_map(Click::LowerPolicy),
            confirmed().prop_map(Click::RemoveStage),
            ("\\PC{0,200}", "\\PC{0,300}").prop_map(|(after, line)| Click::Older { after, line }),
        ]
    }

    proptest! {
        #[test]
        fn every_click_is_read_as_it_was_written(click in clicks()) {
            let (action, value) = click.encode();
            prop_assert!(!action.is_empty() && value.chars().count() <= Click::LONGEST_VALUE, "{action} {value}");
            prop_assert_eq!(Click::decode(&action, &value), Ok(click));
        }

        #[test]
        fn any_other_value_is_refused(click in clicks(), cut in 1usize..20, action in "\\PC{0,40}", text in "\\PC*") {
            let (own, value) = click.encode();
            let cut = value.chars().count().saturating_sub(cut);
            let part: String = value.chars().take(cut).collect();
            prop_assert_eq!(Click::decode(&own, &part), Err(invalid_button()));
            prop_assert_eq!(Click::decode(&action, &text), Err(invalid_button()));
        }
    }

    #[test]
    fn forged_values_are_refused() {
        let wait = r#"{"operation":"01KJPY44E00000000000000007","wait":"approval@16"}"#;
        assert!(Click::decode("promotion.approve", wait).is_ok());
        let long = format!(r#"{{"seen":"0","line":"{}"}}"#, "a".repeat(Click::LONGEST_VALUE));
        let deep = "[".repeat(Click::LONGEST_VALUE);
        for (action, value) in [
            ("operation.cancel", wait),
            ("promotion.approved", wait),
            ("Approve", wait),
            ("", wait),
            ("promotion.approve", ""),
            ("promotion.approve", "null"),
            ("promotion.approve", "01KJPY44E00000000000000007|approval@16"),
            ("promotion.approve", r#"{"operation":"x","wait":"approval@16"}"#),
            ("promotion.approve", r#"{"operation":"01KJPY44E00000000000000007"}"#),
            ("promotion.approve", r#"{"operation":"01KJPY44E00000000000000007","wait":"a@1","more":1}"#),
            ("access.ask", r#"{"role":"kings","pipeline":null,"wanted":"/build"}"#),
            ("access.ask", r#"{"role":"admins","pipeline":"NO","wanted":"/build"}"#),
            ("drift.go", &long),
            ("drift.go", &deep),
        ] {
            assert_eq!(Click::decode(action, value), Err(invalid_button()), "{action} {value}");
        }
    }
}
