//! The account's quotas, from Lambda and IAM.

use async_trait::async_trait;
use aws_sdk_iam::types::SummaryKeyType;
use sluice_commands::ports::{FunctionQuotas, QuotaUse, Quotas};
use sluice_model::{PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::failed;

pub(crate) struct AccountQuotas {
    pub(crate) lambda: Service<aws_sdk_lambda::Client>,
    pub(crate) iam: Service<aws_sdk_iam::Client>,
}

#[async_trait]
impl Quotas for AccountQuotas {
    async fn functions(&self, target: &Target) -> PortResult<FunctionQuotas> {
        let call = call::GET_ACCOUNT_SETTINGS;
        let request = self.lambda.rate_limited(target, call).await?.get_account_settings();
        let answer = request.send().await.map_err(failed(call))?;
        let limit = call.required(answer.account_limit(), "limits")?;
        let usage = call.required(answer.account_usage(), "usage")?;
        let code = QuotaUse {
            used: count(call, usage.total_code_size(), "code size")?,
            of: count(call, limit.total_code_size(), "code size quota")?,
        };
        let concurrency = count(call, limit.concurrent_executions().into(), "concurrency")?;
        Ok(FunctionQuotas { code, concurrency })
    }

    async fn roles(&self, target: &Target) -> PortResult<QuotaUse> {
        let call = call::GET_ACCOUNT_SUMMARY;
        let request = self.iam.rate_limited(target, call).await?.get_account_summary();
        let answer = request.send().await.map_err(failed(call))?;
        let figures = call.required(answer.summary_map(), "summary")?;
        let figure = |key: SummaryKeyType| {
            let figure = call.required(figures.get(&key).copied(), key.as_str())?;
            count(call, figure.into(), key.as_str())
        };
        Ok(QuotaUse { used: figure(SummaryKeyType::Roles)?, of: figure(SummaryKeyType::RolesQuota)? })
    }
}

fn count(call: Call, figure: i64, name: &str) -> PortResult<u64> {
    call.required(u64::try_from(figure).ok(), name)
}
