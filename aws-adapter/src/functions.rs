//! Lambda. Every write names the state it was decided on (`RevisionId`, `CodeSha256`), so a lost race is a conflict and
//! never a change.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    AliasRoutingConfiguration, Architecture, Environment, FunctionCode, InvocationType, LastUpdateStatus,
    PackageType, Runtime, State,
};
use aws_smithy_types::timeout::TimeoutConfig;
use serde_json::Value;
use sluice_commands::ports::{Alias, FunctionConfig, FunctionVersion, Functions, Invoked, Readiness, Tags};
use sluice_model::{Class, CodeRef, PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found};
use crate::limits::Turns;
use crate::values::{sorted, unsorted};

/// Lambda's own values for what a function does not say.
const DEFAULT_MEMORY: u32 = 128;
const DEFAULT_TIMEOUT: u32 = 3;

pub(crate) struct Lambda {
    pub(crate) service: Service<Client>,
    /// Statements that are added to a function's policy side by side may get lost.
    pub(crate) policies: Turns,
}

/// The SDK has one type per operation for what is one thing.
macro_rules! version_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        let version = call.answered(answer.version(), "version")?;
        let arn = call.answered(answer.function_arn(), "function ARN")?;
        FunctionVersion {
            version: version.to_owned(),
            arn: with_version(arn, version),
            code_sha256: call.answered(answer.code_sha256(), "CodeSha256")?.to_owned(),
            config: FunctionConfig {
                runtime: answer.runtime().map(|runtime| runtime.as_str().to_owned()).unwrap_or_default(),
                handler: answer.handler().unwrap_or_default().to_owned(),
                role: answer.role().unwrap_or_default().to_owned(),
                memory: number(answer.memory_size()).unwrap_or(DEFAULT_MEMORY),
                timeout: number(answer.timeout()).unwrap_or(DEFAULT_TIMEOUT),
                architecture: answer
                    .architectures()
                    .first()
                    .unwrap_or(&Architecture::X8664)
                    .as_str()
                    .to_owned(),
                environment: sorted(answer.environment().and_then(|environment| environment.variables())),
            },
            revision: call.answered(answer.revision_id(), "RevisionId")?.to_owned(),
            readiness: readiness(
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
        Alias {
            name: call.answered(answer.name(), "alias name")?.to_owned(),
            arn: call.answered(answer.alias_arn(), "alias ARN")?.to_owned(),
            version: call.answered(answer.function_version(), "function version")?.to_owned(),
            weights: weights(answer.routing_config()),
            revision: call.answered(answer.revision_id(), "RevisionId")?.to_owned(),
        }
    }};
}

#[async_trait]
impl Functions for Lambda {
    async fn roles_in_use(&self, target: &Target) -> PortResult<BTreeMap<String, String>> {
        let call = call::LIST_FUNCTIONS;
        let (mut roles, mut marker) = (BTreeMap::new(), None);
        loop {
            let client = self.service.admit(target, call).await?;
            let page = client.list_functions().set_marker(marker).send().await.map_err(failed(call))?;
            for function in page.functions() {
                let name = call.answered(function.function_name(), "function name")?;
                roles.insert(name.to_owned(), call.answered(function.role(), "role")?.to_owned());
            }
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(roles);
            }
        }
    }

    async fn versions(&self, target: &Target, function: &str) -> PortResult<Option<Vec<FunctionVersion>>> {
        let call = call::LIST_VERSIONS;
        let (mut versions, mut marker) = (Vec::new(), None);
        loop {
            let client = self.service.admit(target, call).await?;
            let page =
                client.list_versions_by_function().function_name(function).set_marker(marker).send().await;
            let Some(page) = found(page.map_err(failed(call)))? else { return Ok(None) };
            for version in page.versions() {
                versions.push(version_of!(call, version));
            }
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(Some(versions));
            }
        }
    }

    async fn version(
        &self,
        target: &Target,
        function: &str,
        version: &str,
    ) -> PortResult<Option<FunctionVersion>> {
        let call = call::GET_FUNCTION_CONFIGURATION;
        let client = self.service.admit(target, call).await?;
        let answer =
            client.get_function_configuration().function_name(function).qualifier(version).send().await;
        match found(answer.map_err(failed(call)))? {
            Some(answer) => Ok(Some(version_of!(call, &answer))),
            None => Ok(None),
        }
    }

    async fn function_tags(&self, target: &Target, function: &str) -> PortResult<Option<Tags>> {
        let call = call::LIST_FUNCTION_TAGS;
        let client = self.service.admit(target, call).await?;
        let arn = target.arn("lambda", &format!("function:{function}"));
        let answer = found(client.list_tags().resource(arn).send().await.map_err(failed(call)))?;
        Ok(answer.map(|answer| sorted(answer.tags())))
    }

    async fn create_function(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        code: &CodeRef,
        tags: &Tags,
    ) -> PortResult<FunctionVersion> {
        let call = call::CREATE_FUNCTION;
        let package = FunctionCode::builder()
            .s3_bucket(&code.bucket)
            .s3_key(&code.key)
            .s3_object_version(&code.version)
            .build();
        let answer = self
            .service
            .admit(target, call)
            .await?
            .create_function()
            .function_name(function)
            .package_type(PackageType::Zip)
            .code(package)
            .runtime(Runtime::from(config.runtime.as_str()))
            .handler(&config.handler)
            .role(&config.role)
            .memory_size(positive(call, config.memory)?)
            .timeout(positive(call, config.timeout)?)
            .architectures(Architecture::from(config.architecture.as_str()))
            .environment(environment(&config.environment))
            .set_tags(unsorted(tags))
            .publish(true)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn update_config(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = call::UPDATE_FUNCTION_CONFIGURATION;
        // The architecture goes with the code: this call has no such field.
        let answer = self
            .service
            .admit(target, call)
            .await?
            .update_function_configuration()
            .function_name(function)
            .runtime(Runtime::from(config.runtime.as_str()))
            .handler(&config.handler)
            .role(&config.role)
            .memory_size(positive(call, config.memory)?)
            .timeout(positive(call, config.timeout)?)
            .environment(environment(&config.environment))
            .revision_id(revision)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn update_code(
        &self,
        target: &Target,
        function: &str,
        code: &CodeRef,
        architecture: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = call::UPDATE_FUNCTION_CODE;
        let answer = self
            .service
            .admit(target, call)
            .await?
            .update_function_code()
            .function_name(function)
            .s3_bucket(&code.bucket)
            .s3_key(&code.key)
            .s3_object_version(&code.version)
            .architectures(Architecture::from(architecture))
            .revision_id(revision)
            .publish(true)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn publish(
        &self,
        target: &Target,
        function: &str,
        code_sha256: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = call::PUBLISH_VERSION;
        let answer = self
            .service
            .admit(target, call)
            .await?
            .publish_version()
            .function_name(function)
            .code_sha256(code_sha256)
            .revision_id(revision)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<Option<Alias>> {
        let call = call::GET_ALIAS;
        let answer = self
            .service
            .admit(target, call)
            .await?
            .get_alias()
            .function_name(function)
            .name(alias)
            .send()
            .await;
        match found(answer.map_err(failed(call)))? {
            Some(answer) => Ok(Some(alias_of!(call, &answer))),
            None => Ok(None),
        }
    }

    async fn aliases(&self, target: &Target, function: &str) -> PortResult<Option<Vec<Alias>>> {
        let call = call::LIST_ALIASES;
        let (mut aliases, mut marker) = (Vec::new(), None);
        loop {
            let client = self.service.admit(target, call).await?;
            let page = client.list_aliases().function_name(function).set_marker(marker).send().await;
            let Some(page) = found(page.map_err(failed(call)))? else { return Ok(None) };
            for alias in page.aliases() {
                aliases.push(alias_of!(call, alias));
            }
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(Some(aliases));
            }
        }
    }

    async fn create_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
    ) -> PortResult<Alias> {
        let call = call::CREATE_ALIAS;
        let request =
            self.service.admit(target, call).await?.create_alias().function_name(function).name(alias);
        let answer = request.function_version(version).send().await.map_err(failed(call))?;
        Ok(alias_of!(call, &answer))
    }

    async fn move_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
        revision: &str,
    ) -> PortResult<Alias> {
        let call = call::UPDATE_ALIAS;
        let request =
            self.service.admit(target, call).await?.update_alias().function_name(function).name(alias);
        // What is left out stays: a part of the calls would still go where somebody sent it.
        let all = AliasRoutingConfiguration::builder().set_additional_version_weights(Some(HashMap::new()));
        let request = request.routing_config(all.build());
        let answer =
            request.function_version(version).revision_id(revision).send().await.map_err(failed(call))?;
        Ok(alias_of!(call, &answer))
    }

    async fn permissions(&self, target: &Target, function: &str, alias: &str) -> PortResult<Vec<String>> {
        let call = call::GET_FUNCTION_POLICY;
        let answer = self
            .service
            .admit(target, call)
            .await?
            .get_policy()
            .function_name(function)
            .qualifier(alias)
            .send()
            .await;
        let Some(answer) = found(answer.map_err(failed(call)))? else { return Ok(Vec::new()) };
        let policy = serde_json::from_str(answer.policy().unwrap_or("{}"))
            .map_err(|error| call.error(Class::Invalid, "UnreadablePolicy", error.to_string()))?;
        Ok(statement_ids(&policy))
    }

    async fn permit_api(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        statement: &str,
        source_arn: &str,
    ) -> PortResult<()> {
        let call = call::ADD_PERMISSION;
        let client = self.service.at(target, call)?;
        let _turn = self.policies.take(&self.service.limits, call, function).await?;
        client
            .add_permission()
            .function_name(function)
            .qualifier(alias)
            .statement_id(statement)
            .action("lambda:InvokeFunction")
            .principal("apigateway.amazonaws.com")
            .source_arn(source_arn)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(())
    }

    async fn forbid_api(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        statement: &str,
    ) -> PortResult<()> {
        let call = call::REMOVE_PERMISSION;
        let client = self.service.at(target, call)?;
        let _turn = self.policies.take(&self.service.limits, call, function).await?;
        let request = client.remove_permission().function_name(function).qualifier(alias);
        let answer = request.statement_id(statement).send().await;
        found(answer.map_err(failed(call))).map(|_| ())
    }

    async fn invoke(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        event: &str,
        within: Duration,
    ) -> PortResult<Invoked> {
        let call = call::INVOKE;
        let request =
            self.service.admit(target, call).await?.invoke().function_name(function).qualifier(alias);
        let request = request.invocation_type(InvocationType::RequestResponse).payload(Blob::new(event));
        // A function may take longer than any call of a control plane.
        let limits = TimeoutConfig::builder().operation_attempt_timeout(within).operation_timeout(within);
        let limits = aws_sdk_lambda::config::Builder::new().timeout_config(limits.build());
        let answer = request.customize().config_override(limits).send().await.map_err(failed(call))?;
        let said = answer.payload().map(Blob::as_ref).unwrap_or_default();
        Ok(Invoked {
            version: answer.executed_version().map(str::to_owned),
            error: answer.function_error().map(|kind| function_error(kind, said)),
        })
    }

    async fn delete_alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<()> {
        let call = call::DELETE_ALIAS;
        let answer = self
            .service
            .admit(target, call)
            .await?
            .delete_alias()
            .function_name(function)
            .name(alias)
            .send()
            .await;
        found(answer.map_err(failed(call))).map(|_| ())
    }

    async fn delete_version(&self, target: &Target, function: &str, version: &str) -> PortResult<()> {
        let call = call::DELETE_VERSION;
        // Without a qualifier, or with an empty one, this call deletes the whole function.
        if !is_published(version) {
            let detail = format!("`{version}` is no published version of {function}");
            return Err(call.error(Class::Invalid, "NotSendable", detail));
        }
        let client = self.service.admit(target, call).await?;
        let request = client.delete_function().function_name(function).qualifier(version);
        found(request.send().await.map_err(failed(call))).map(|_| ())
    }
}

/// Whether that is the number of a published version: neither `$LATEST` nor an alias, and not empty.
fn is_published(version: &str) -> bool {
    version.parse::<u64>().is_ok_and(|number| number > 0 && number.to_string() == version)
}

/// One look, judged carefully: a list of versions may leave the state out, and then nobody said that it is ready;
/// [`Functions::version`] does say.
fn readiness(
    state: Option<&State>,
    reason: Option<&str>,
    update: Option<&LastUpdateStatus>,
    update_reason: Option<&str>,
) -> Readiness {
    match (state, update) {
        (Some(State::Failed), _) => Readiness::Failed(reason.unwrap_or("Failed").to_owned()),
        (_, Some(LastUpdateStatus::Failed)) => {
            Readiness::Failed(update_reason.unwrap_or("Failed").to_owned())
        }
        (_, Some(LastUpdateStatus::InProgress)) => Readiness::Pending,
        (Some(State::Active | State::Inactive), _) => Readiness::Ready,
        _ => Readiness::Pending,
    }
}

/// Lambda leaves the qualifier out where the request had none.
fn with_version(arn: &str, version: &str) -> String {
    // arn:partition:lambda:region:account:function:name, and then perhaps the qualifier.
    if arn.split(':').count() > 7 { arn.to_owned() } else { format!("{arn}:{version}") }
}

/// An empty environment is sent too: it takes away what was there before.
fn environment(variables: &BTreeMap<String, String>) -> Environment {
    Environment::builder().set_variables(unsorted(variables)).build()
}

/// In thousandths; what rounds to none still gets some.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of one, made safe by the clamp"
)]
fn weights(routing: Option<&AliasRoutingConfiguration>) -> BTreeMap<String, u32> {
    let weights =
        routing.and_then(AliasRoutingConfiguration::additional_version_weights).into_iter().flatten();
    let some = weights.filter(|(_, part)| **part > 0.0);
    some.map(|(version, part)| (version.clone(), (part * 1000.0).round().clamp(1.0, 1000.0) as u32)).collect()
}

fn number(value: Option<i32>) -> Option<u32> {
    u32::try_from(value?).ok()
}

fn positive(call: Call, value: u32) -> PortResult<i32> {
    i32::try_from(value).map_err(|error| call.error(Class::Invalid, "NotSendable", error.to_string()))
}

/// The kind of a failure with the function's own words. The trace stays out: it is long, and in the function's log.
fn function_error(kind: &str, said: &[u8]) -> String {
    let said: Value = serde_json::from_slice(said).unwrap_or_default();
    let word = |name: &str| said.get(name).and_then(Value::as_str).filter(|word| !word.is_empty());
    [Some(kind), word("errorType"), word("errorMessage")].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

fn statement_ids(policy: &Value) -> Vec<String> {
    let statements = policy.get("Statement").and_then(Value::as_array).into_iter().flatten();
    statements.filter_map(|statement| statement.get("Sid")?.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_never_assumed() {
        let active = Some(&State::Active);
        let cases = [
            (active, None, Readiness::Ready),
            (Some(&State::Inactive), Some(&LastUpdateStatus::Successful), Readiness::Ready),
            (active, Some(&LastUpdateStatus::InProgress), Readiness::Pending),
            (Some(&State::Pending), None, Readiness::Pending),
            (None, None, Readiness::Pending),
            (Some(&State::Failed), None, Readiness::Failed("why".into())),
            (active, Some(&LastUpdateStatus::Failed), Readiness::Failed("update".into())),
        ];
        for (state, update, expected) in cases {
            assert_eq!(
                readiness(state, Some("why"), update, Some("update")),
                expected,
                "{state:?} {update:?}"
            );
        }
    }

    #[test]
    fn a_failure_is_told_in_the_functions_words_without_its_trace() {
        let said = br#"{"errorMessage": "'total'", "errorType": "KeyError", "stackTrace": ["line 3"]}"#;
        assert_eq!(function_error("Unhandled", said), "Unhandled: KeyError: 'total'");
        assert_eq!(function_error("Unhandled", b"Task timed out"), "Unhandled");
        assert_eq!(function_error("Handled", br#"{"errorMessage": ["x"]}"#), "Handled");
    }

    #[test]
    fn only_a_number_is_a_published_version() {
        let published = ["1", "42"].iter().all(|version| is_published(version));
        let others = ["", "$LATEST", "prod", "0", "01", "+1", " 1", "1.0", "-1"];
        assert!(published && !others.iter().any(|version| is_published(version)));
    }

    #[test]
    fn an_arn_names_its_version_once() {
        let bare = "arn:aws:lambda:us-east-1:123456789012:function:f";
        assert_eq!(with_version(bare, "3"), format!("{bare}:3"));
        assert_eq!(with_version(&format!("{bare}:3"), "3"), format!("{bare}:3"));
    }
}
