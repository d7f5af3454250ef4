//! Calls the function of an integration: the right to do so, the version, the invocation.

use axum::http::Method;
use serde_json::Value;

use super::super::access::Action;
use super::super::lambda::weighted_version;
use super::super::strict::alias_key;
use super::function::Function;
use super::{Runtime, RuntimeError, permission};

const SERVICE: &str = "apigateway.amazonaws.com";
/// The session name with which API Gateway assumes roles, as its error messages show it.
const SESSION: &str = "BackplaneAssumeRoleSession";

impl Runtime {
    /// With a role, API Gateway must be able to assume it, and the role's policies decide.
    pub(super) async fn permitted_to_role(
        &self,
        role: &str,
        action: Action,
        source: &str,
    ) -> Result<(), RuntimeError> {
        if let Some(why) = self.access.refused_to_assume(role, SERVICE, source).await {
            return Err(RuntimeError::BadIntegration(why));
        }
        self.strict
            .role_of_integration(role)
            .map_err(|refusal| RuntimeError::BadIntegration(refusal.message))?;
        match self.access.refused_to_role(role, SESSION, &action).await {
            Some(why) => Err(RuntimeError::BadIntegration(why)),
            None => Ok(()),
        }
    }

    /// Without a role, the function's resource policy decides.
    pub(super) async fn permitted_by_function(
        &self,
        function: &Function,
        source: &str,
    ) -> Result<(), RuntimeError> {
        let qualifier = function.qualifier.as_ref().map(|q| format!("?Qualifier={q}")).unwrap_or_default();
        let path = format!("/2015-03-31/functions/{}/policy{qualifier}", function.name);
        let answer = self.lambda(Method::GET, &path, "").await?;
        let policy = answer["Policy"].as_str().unwrap_or_default();
        if permission::allows(policy, source) {
            return Ok(());
        }
        Err(RuntimeError::BadIntegration(format!(
            "{function} has no permission for API Gateway from {source}"
        )))
    }

    /// The version that the alias points to, chosen by weight if it has weights.
    pub(super) async fn version(&self, function: &Function) -> Result<String, RuntimeError> {
        let name = &function.name;
        let Some(qualifier) = &function.qualifier else { return Ok("$LATEST".into()) };
        let version = if qualifier.bytes().all(|byte| byte.is_ascii_digit()) {
            qualifier.clone()
        } else {
            let path = format!("/2015-03-31/functions/{name}/aliases/{qualifier}");
            let alias = match self.strict.seen(&alias_key(name, qualifier)) {
                Some(earlier) => earlier,
                None => self.lambda(Method::GET, &path, "").await?,
            };
            weighted_version(&alias, rand::random::<f64>())
                .ok_or_else(|| RuntimeError::BadIntegration(format!("no alias {function}")))?
        };
        let path = format!("/2015-03-31/functions/{name}/configuration?Qualifier={version}");
        match self.lambda(Method::GET, &path, "").await?["Version"].as_str() {
            Some(found) if found == version => Ok(version),
            _ => Err(RuntimeError::BadIntegration(format!(
                "{function} points to version {version}, which does not exist"
            ))),
        }
    }

    /// The answer of a function's version.
    pub(super) async fn invoke(
        &self,
        function: &Function,
        version: &str,
        event: &Value,
    ) -> Result<Value, RuntimeError> {
        let Function { name, qualifier } = function;
        let path = format!("/2015-03-31/functions/{name}/invocations?Qualifier={version}");
        let answer = self
            .upstream
            .call("lambda", Method::POST, &path, &[], event.to_string())
            .await
            .map_err(|_| RuntimeError::BadIntegration("the function cannot be invoked".into()))?;
        self.invocations.record(name, qualifier.as_deref(), answer.status, &answer.headers);
        if !answer.status.is_success() || answer.headers.contains_key("x-amz-function-error") {
            let error = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(RuntimeError::FunctionFailed(format!("{name}:{version} failed: {error}")));
        }
        Ok(answer.json())
    }

    async fn lambda(&self, method: Method, path: &str, body: &'static str) -> Result<Value, RuntimeError> {
        let answer = self.upstream.call("lambda", method, path, &[], body).await;
        answer
            .map(|answer| answer.json())
            .map_err(|_| RuntimeError::BadIntegration("Lambda did not answer".into()))
    }
}
