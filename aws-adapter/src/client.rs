//! Gives out the clients that make calls.
//!
//! Guarantees: a mutation leaves only through a client that never repeats a request which may have taken effect. The SDK
//! would: it treats a lost answer as a reason to retry, and a conditional write that fails on *our own* first success
//! looks like another caller's. So a mutation is retried inside a call only if the service throttled it or never received
//! it; the journal decides about everything else.

use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;
use sluice_model::{Class, PortResult, Target};

use crate::call::Call;
use crate::error;
use crate::limits::Limits;

/// The two clients of one service in one region.
#[derive(Debug, Clone)]
pub(crate) struct Service<C> {
    pub(crate) region: String,
    pub(crate) reads: C,
    pub(crate) writes: C,
    pub(crate) limits: Arc<Limits>,
}

impl<C> Service<C> {
    /// The client for a call in that target. Any other region than the configured one is refused, because a record of one
    /// installation never acts on another's resources.
    pub(crate) fn client(&self, target: &Target, call: Call) -> PortResult<&C> {
        if target.region == self.region {
            return Ok(self.untargeted(call));
        }
        let detail = format!("requested {target}, configured for {}", self.region);
        Err(call.error(Class::Invalid, "WrongTarget", detail))
    }

    /// Like [`Service::client`], after waiting for the call's rate limit.
    pub(crate) async fn rate_limited(&self, target: &Target, call: Call) -> PortResult<&C> {
        self.rate_limited_for(target, call, "").await
    }

    /// Like [`Service::rate_limited`], for a resource that keeps its place among others that wait.
    pub(crate) async fn rate_limited_for(
        &self,
        target: &Target,
        call: Call,
        resource: &str,
    ) -> PortResult<&C> {
        let client = self.client(target, call)?;
        self.limits.admit(call, resource).await?;
        Ok(client)
    }

    /// The client for a call without a target.
    pub(crate) fn untargeted(&self, call: Call) -> &C {
        if call.mutates { &self.writes } else { &self.reads }
    }
}

/// Blocks calls that are not listed.
#[derive(Debug)]
pub(crate) struct AllowedCalls(pub(crate) &'static [&'static str]);

impl Intercept for AllowedCalls {
    fn name(&self) -> &'static str {
        "AllowedCalls"
    }

    // Not earlier: before serialization a client does not know its operation.
    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map(Metadata::name).unwrap_or_default();
        let listed =
            self.0.iter().any(|call| call.split_once(':').is_some_and(|(_, name)| name == operation));
        if listed { Ok(()) } else { Err(format!("{operation} is not in this client's list of calls").into()) }
    }
}

/// Lets the SDK retry a mutation only if the first attempt certainly had no effect.
#[derive(Debug)]
pub(crate) struct RetryOnlyRefused;

impl ClassifyRetry for RetryOnlyRefused {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        self.classify_retry_v2(context, &RetryAction::NoActionIndicated)
    }

    fn classify_retry_v2(&self, context: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let throttled = matches!(
            previous,
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind: ErrorKind::ThrottlingError, .. })
        );
        let unsent = || match context.output_or_error() {
            Some(Err(error)) => error.as_connector_error().is_some_and(|error| error::never_sent(error)),
            _ => false,
        };
        if throttled || unsent() { RetryAction::NoActionIndicated } else { RetryAction::RetryForbidden }
    }

    fn name(&self) -> &'static str {
        "RetryOnlyRefused"
    }

    /// Runs after all of the SDK's own classifiers, because it needs their verdict.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::Client;
    use aws_sdk_lambda::config::{BehaviorVersion, Builder, Credentials, Region};

    use super::*;
    use crate::call::{GET_ALIAS, MUTATIONS};

    #[tokio::test]
    async fn an_unlisted_call_is_not_sent() {
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url("http://127.0.0.1:1")
            .interceptor(AllowedCalls(MUTATIONS))
            .build();
        let sent = Client::from_conf(config).get_alias().function_name("f").name("prod").send().await;
        let error = error::failed(GET_ALIAS)(sent.unwrap_err());
        assert_eq!((error.class, error.code.as_str()), (Class::Invalid, "NotSendable"));
        assert!(error.detail.contains("GetAlias is not in"), "{}", error.detail);
    }
}
