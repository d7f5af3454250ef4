//! The calls that create, change or show integrations: with their roles, which the local AWS does not keep.

use axum::response::{IntoResponse, Response};

use super::super::request::AwsRequest;
use super::{ApiGateway, Refusable};

impl ApiGateway {
    /// Creates, changes or shows integrations.
    pub(super) async fn integrations(&self, request: &AwsRequest) -> Refusable<Response> {
        let answer = self.0.upstream.exchange(request).await?;
        if !answer.status.is_success() {
            return Ok(answer.into_response());
        }
        let (credentials, mut body) = (&self.0.credentials, answer.json());
        if let Some(id) = body["integrationId"].as_str() {
            credentials.remember(id, &request.json()["credentialsArn"]);
        }
        match body["items"].as_array_mut() {
            Some(items) => items.iter_mut().for_each(|integration| credentials.show(integration)),
            None => credentials.show(&mut body),
        }
        Ok(answer.with_json(&body).into_response())
    }
}
