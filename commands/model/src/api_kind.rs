//! The kinds of API of API Gateway.

use serde::{Deserialize, Serialize};

/// The two kinds of API that a definition can be imported into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiKind {
    /// `AWS::ApiGatewayV2::Api`.
    #[default]
    Http,
    /// `AWS::ApiGateway::RestApi`.
    Rest,
}

impl ApiKind {
    /// Whether it is an HTTP API: records leave the kind out then.
    pub fn is_http(&self) -> bool {
        *self == Self::Http
    }
}
