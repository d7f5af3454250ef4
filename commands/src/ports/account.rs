use async_trait::async_trait;

use sluice_model::{PortResult, Target};

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// The amount used in the whole account.
    pub used: u64,
    /// The quota.
    pub of: u64,
}

/// Lambda's limits for the account in the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionQuotas {
    /// Bytes of code, for all versions of all functions together.
    pub code: QuotaUse,
    /// How many functions may run at the same time.
    pub concurrency: u64,
}

/// The account's own limits, as far as a service returns them without Service Quotas.
#[async_trait]
pub trait Quotas: Send + Sync {
    /// `lambda:GetAccountSettings`.
    async fn functions(&self, target: &Target) -> PortResult<FunctionQuotas>;
    /// `iam:GetAccountSummary`: the number of roles and its limit.
    async fn roles(&self, target: &Target) -> PortResult<QuotaUse>;
}
