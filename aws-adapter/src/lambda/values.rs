//! Conversions between the port's types and Lambda's.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::{AliasRoutingConfiguration, Environment, LastUpdateStatus, State};
use serde_json::Value;
use sluice_commands::ports::Readiness;
use sluice_model::{Class, PortResult};

use crate::call::Call;
use crate::values::unsorted;

/// The version that can change.
const LATEST: &str = "$LATEST";

/// The SDK has one type per operation for the same data.
macro_rules! version_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        let version = call.required(answer.version(), "version")?;
        let arn = call.required(answer.function_arn(), "function ARN")?;
        let defaults = sluice_commands::ports::FunctionConfig::default();
        let (at_creation, settings) = $crate::lambda::settings::settings_of!(answer)
            .into_iter()
            .partition(|(name, _)| sluice_commands::ports::AT_CREATION.contains(&name.as_str()));
        sluice_commands::ports::FunctionVersion {
            version: version.to_owned(),
            arn: $crate::lambda::values::with_version(arn, version),
            code_sha256: call.required(answer.code_sha256(), "CodeSha256")?.to_owned(),
            config: sluice_commands::ports::FunctionConfig {
                runtime: answer.runtime().map(|runtime| runtime.as_str().to_owned()),
                handler: answer.handler().filter(|handler| !handler.is_empty()).map(str::to_owned),
                role: answer.role().unwrap_or_default().to_owned(),
                memory: $crate::lambda::values::number(answer.memory_size()).unwrap_or(defaults.memory),
                timeout: $crate::lambda::values::number(answer.timeout()).unwrap_or(defaults.timeout),
                architecture: answer
                    .architectures()
                    .first()
                    .unwrap_or(&aws_sdk_lambda::types::Architecture::X8664)
                    .as_str()
                    .to_owned(),
                environment: $crate::values::sorted(
                    answer.environment().and_then(|environment| environment.variables()),
                ),
                description: answer.description().unwrap_or_default().to_owned(),
                layers: answer.layers().iter().filter_map(|layer| layer.arn().map(str::to_owned)).collect(),
                settings,
                at_creation,
            }
            .normalised($crate::lambda::values::name_in(arn)),
            revision: call.required(answer.revision_id(), "RevisionId")?.to_owned(),
            readiness: $crate::lambda::values::readiness(
                version,
                answer.state(),
                answer.state_reason_code().map(|code| code.as_str()),
                answer.last_update_status(),
                answer.last_update_status_reason_code().map(|code| code.as_str()),
            ),
        }
    }};
}

macro_rules! alias_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        sluice_commands::ports::Alias {
            name: call.required(answer.name(), "alias name")?.to_owned(),
            arn: call.required(answer.alias_arn(), "alias ARN")?.to_owned(),
            version: call.required(answer.function_version(), "function version")?.to_owned(),
            weights: $crate::lambda::values::weights(answer.routing_config()),
            revision: call.required(answer.revision_id(), "RevisionId")?.to_owned(),
        }
    }};
}

pub(super) use {alias_of, version_of};

/// Never assumes readiness: a list of versions may leave out the state, which then counts as pending;
/// [`Functions::version`] returns it.
pub(super) fn readiness(
    version: &str,
    state: Option<&State>,
    reason: Option<&str>,
    update: Option<&LastUpdateStatus>,
    update_reason: Option<&str>,
) -> Readiness {
    match (state, update) {
        (Some(State::Failed), _) => Readiness::Failed(reason.unwrap_or("Failed").to_owned()),
        // Nobody can call it, and Lambda does not change that by itself.
        (Some(state @ (State::Deactivating | State::Deactivated | State::Deleting)), _) => {
            Readiness::Failed(reason.unwrap_or(state.as_str()).to_owned())
        }
        (_, Some(LastUpdateStatus::Failed)) => {
            Readiness::Failed(update_reason.unwrap_or("Failed").to_owned())
        }
        (_, Some(LastUpdateStatus::InProgress)) => Readiness::Pending,
        (Some(State::Active), _) => Readiness::Ready,
        (Some(State::Inactive), _) => Readiness::Inactive(reason.unwrap_or("Idle").to_owned()),
        // `$LATEST` of a function on a capacity provider: it can be published, and nobody can call it.
        (Some(State::ActiveNonInvocable), _) if version == LATEST => Readiness::Ready,
        _ => Readiness::Pending,
    }
}

/// The name of the function in an ARN.
pub(super) fn name_in(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or_default()
}

/// Adds the version to an ARN. Lambda leaves it out if the request had no qualifier.
pub(super) fn with_version(arn: &str, version: &str) -> String {
    // arn:partition:lambda:region:account:function:name, and possibly the qualifier.
    if arn.split(':').count() > 7 { arn.to_owned() } else { format!("{arn}:{version}") }
}

/// Weights in thousandths. A weight that rounds to 0 becomes 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction, limited by the clamp"
)]
pub(super) fn weights(routing: Option<&AliasRoutingConfiguration>) -> BTreeMap<String, u32> {
    let weights =
        routing.and_then(AliasRoutingConfiguration::additional_version_weights).into_iter().flatten();
    let some = weights.filter(|(_, part)| **part > 0.0);
    some.map(|(version, part)| (version.clone(), (part * 1000.0).round().clamp(1.0, 1000.0) as u32)).collect()
}

pub(super) fn number(value: Option<i32>) -> Option<u32> {
    u32::try_from(value?).ok()
}

/// The kind of a failure, with the function's error type and message. The stack trace is left out: it is long, and the
/// function's log has it.
pub(super) fn function_error(kind: &str, payload: &[u8]) -> String {
    let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
    let field = |name: &str| payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    [Some(kind), field("errorType"), field("errorMessage")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(": ")
}

/// Whether the text is the number of a published version: not `$LATEST`, an alias or empty.
pub(super) fn is_published(version: &str) -> bool {
    version.parse::<u64>().is_ok_and(|number| number > 0 && number.to_string() == version)
}

/// An empty environment is sent too, because it removes earlier variables.
pub(super) fn environment(variables: &BTreeMap<String, String>) -> Environment {
    Environment::builder().set_variables(unsorted(variables)).build()
}

pub(super) fn positive(call: Call, value: u32) -> PortResult<i32> {
    i32::try_from(value).map_err(|error| call.error(Class::Invalid, "NotSendable", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_never_assumed() {
        let active = Some(&State::Active);
        let cases = [
            (active, None, Readiness::Ready),
            (Some(&State::Inactive), Some(&LastUpdateStatus::Successful), Readiness::Inactive("why".into())),
            (Some(&State::Deactivated), None, Readiness::Failed("why".into())),
            (Some(&State::ActiveNonInvocable), None, Readiness::Pending),
            (active, Some(&LastUpdateStatus::InProgress), Readiness::Pending),
            (Some(&State::Pending), None, Readiness::Pending),
            (None, None, Readiness::Pending),
            (Some(&State::Failed), None, Readiness::Failed("why".into())),
            (active, Some(&LastUpdateStatus::Failed), Readiness::Failed("update".into())),
        ];
        for (state, update, expected) in cases {
            assert_eq!(
                readiness("7", state, Some("why"), update, Some("update")),
                expected,
                "{state:?} {update:?}"
            );
        }
    }

    #[test]
    fn latest_is_ready_without_being_callable() {
        assert_eq!(readiness(LATEST, Some(&State::ActiveNonInvocable), None, None, None), Readiness::Ready);
        let idle = readiness("7", Some(&State::Inactive), None, None, None);
        assert_eq!(idle, Readiness::Inactive("Idle".into()), "no reason is given");
    }

    #[test]
    fn a_failure_has_the_functions_error_without_its_stack_trace() {
        let said = br#"{"errorMessage": "'total'", "errorType": "KeyError", "stackTrace": ["line 3"]}"#;
        assert_eq!(function_error("Unhandled", said), "Unhandled: KeyError: 'total'");
        assert_eq!(function_error("Unhandled", b"Task timed out"), "Unhandled");
        assert_eq!(function_error("Handled", br#"{"errorMessage": ["x"]}"#), "Handled");
    }

    #[test]
    fn an_arn_names_its_version_once() {
        let bare = "arn:aws:lambda:us-east-1:123456789012:function:f";
        assert_eq!(with_version(bare, "3"), format!("{bare}:3"));
        assert_eq!(with_version(&format!("{bare}:3"), "3"), format!("{bare}:3"));
    }

    #[test]
    fn only_a_positive_number_is_a_published_version() {
        let published = ["1", "42"].iter().all(|version| is_published(version));
        let others = ["", "$LATEST", "prod", "0", "01", "+1", " 1", "1.0", "-1"];
        assert!(published && !others.iter().any(|version| is_published(version)));
    }
}
