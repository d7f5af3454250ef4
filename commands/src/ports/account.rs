use async_trait::async_trait;

use sluice_model::{PortResult, Target};

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// So much, by everybody in the account.
    pub used: u64,
    /// The quota.
    pub of: u64,
}

/// What Lambda gives the account in the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionQuotas {
    /// Bytes of code, all versions of all functions together.
    pub code: QuotaUse,
    /// How many functions may run at the same time.
    pub concurrency: u64,
}

/// The account's own figures, where a service tells them without Service Quotas.
#[async_trait]
pub trait Quotas: Send + Sync {
    /// `lambda:GetAccountSettings`.
    async fn functions(&self, target: &Target) -> PortResult<FunctionQuotas>;
    /// `iam:GetAccountSummary`: the roles that there are, and that there may be.
    async fn roles(&self, target: &Target) -> PortResult<QuotaUse>;
}
