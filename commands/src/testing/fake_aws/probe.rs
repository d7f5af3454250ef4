//! The stages' URLs: the deployment that the API stage serves and the version of the alias at that moment give the answer.

use async_trait::async_trait;

use super::functions::ILL;
use super::{FaultProxy, State};
use crate::ports::{Method, Probe, Reply};
use sluice_model::{Class, PortError};

/// The call in the log: it is no call of AWS.
const CALL: &str = "http:Request";

impl State {
    /// The answer of API Gateway and the functions of these tests.
    fn answer(&self, method: Method, url: &str) -> (u16, &'static str) {
        let path = url.split('?').next().and_then(|url| url.strip_prefix("https://")?.split_once('/'));
        let found = path.and_then(|(host, path)| {
            let api = self.apis.iter().find(|api| api.api.endpoint.ends_with(host))?;
            let (stage, path) = path.split_once('/').unwrap_or((path, ""));
            let routes = api.frozen.get(api.stages.get(stage)?.deployment.as_ref()?)?;
            let own = routes.get(&format!("{method} /{path}"));
            Some((stage, own.or_else(|| routes.get("$default"))?, &api.api.id))
        });
        let Some((stage, uri, api)) = found else { return (404, "{\"message\":\"Not Found\"}") };
        let function = uri.split(":function:").nth(1).and_then(|rest| rest.split(':').next());
        let alias = function.and_then(|function| {
            let alias = self.functions.get(function)?.aliases.get(stage)?;
            let may = alias.statements.values().any(|source| source.contains(&format!(":{api}/{stage}/")));
            may.then_some(function)
        });
        match alias.and_then(|function| self.answering(function, stage)) {
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
