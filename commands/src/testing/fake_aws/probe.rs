//! The stages' URLs: the deployment that the API stage serves, and the version that its variable selects, give the answer.

use async_trait::async_trait;

use super::functions::ILL;
use super::{FaultProxy, State};
use crate::names::API_STAGE;
use crate::ports::{ApiKind, Method, Probe, Reply};
use sluice_model::{Class, PortError};

/// The call in the log: it is no call of AWS.
const CALL: &str = "http:Request";

/// The answer of an HTTP API to a request without a route.
const NO_ROUTE: (u16, &str) = (404, "{\"message\":\"Not Found\"}");
/// The answer of a REST API to a request without a method.
const NO_METHOD: (u16, &str) = (403, "{\"message\":\"Missing Authentication Token\"}");

impl State {
    /// The answer of API Gateway and the functions of these tests.
    fn answer(&self, method: Method, url: &str) -> (u16, &'static str) {
        let path = url.split('?').next().and_then(|url| url.strip_prefix("https://")?.split_once('/'));
        let Some((host, path)) = path else { return NO_ROUTE };
        let Some(api) = self.apis.iter().find(|api| api.api.endpoint.ends_with(host)) else {
            return NO_ROUTE;
        };
        let (stage, path, rest, missing) = match api.kind {
            ApiKind::Http => (API_STAGE, path, "$default", NO_ROUTE),
            ApiKind::Rest => {
                let (stage, path) = path.split_once('/').unwrap_or((path, ""));
                (stage, path, "ANY /{proxy+}", NO_METHOD)
            }
        };
        let found = api.answering(stage, self.now, self.climate.late).and_then(|stage| {
            let routes = api.frozen.get(stage.deployment.as_ref()?)?;
            let own = routes.get(&format!("{method} /{path}"));
            Some((stage, own.or_else(|| routes.get(rest))?))
        });
        let Some((stage, (uri, role))) = found else { return missing };
        let called = uri.split(":function:").nth(1).and_then(|rest| {
            let (function, version) = rest.strip_suffix("/invocations")?.split_once(':')?;
            let variable = version.strip_prefix("${stageVariables.").and_then(|name| name.strip_suffix('}'));
            Some((
                function,
                variable.map_or(Some(version), |name| stage.variables.get(name).map(String::as_str))?,
            ))
        });
        let called = called.filter(|_| self.is_assumable(role));
        let version = called.and_then(|(function, version)| {
            self.functions.get(function)?.versions.iter().find(|found| found.number == version)
        });
        match version {
            None => (500, "{\"message\":\"Internal Server Error\"}"),
            Some(version) if self.is_ill(version) => (500, ILL),
            Some(_) => (200, "I am well"),
        }
    }
}

#[async_trait]
impl Probe for FaultProxy {
    async fn request(&self, method: Method, url: &str) -> Reply {
        let asked = self.look(CALL, &format!("{method} {url}"), |state| Ok(state.answer(method, url))).await;
        match asked {
            Ok((status, body)) => Reply::Answered { status, body: body.to_owned() },
            Err(PortError { class: Class::Transient, .. }) => Reply::Silent("it did not answer within 5 s"),
            Err(_) => Reply::Silent("it cannot be reached"),
        }
    }
}
