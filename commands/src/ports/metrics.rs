use async_trait::async_trait;
use jiff::Timestamp;

use sluice_model::{PortResult, Target};

/// How many metrics one request may name:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.
pub const MOST_METRICS: usize = 500;

/// What Lambda counts: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LambdaMetric {
    /// Calls that ran, with success or not. A throttled call is none.
    Invocations,
    /// Calls that ended with an error of the function: an exception, a timeout, a crash.
    Errors,
    /// Calls that Lambda refused because no concurrency was left.
    Throttles,
}

impl LambdaMetric {
    /// The name of the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            LambdaMetric::Invocations => "Invocations",
            LambdaMetric::Errors => "Errors",
            LambdaMetric::Throttles => "Throttles",
        }
    }
}

/// One metric of a function, as it was called by an alias or a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricQuery {
    /// What is counted.
    pub metric: LambdaMetric,
    /// The function's name.
    pub function: String,
    /// The alias or version of the call: calls by an alias are not among those by its version.
    pub qualifier: String,
}

/// The sums of a metric: the beginning of a minute, and the count in it. Minutes without data are left out.
pub type Minutes = Vec<(Timestamp, u64)>;

/// CloudWatch's metrics.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// `cloudwatch:GetMetricData`: the sums of Lambda's metrics by minute, from the minute of `since` until before `until`, in the
    /// order of `queries`, of which there are at most [`MOST_METRICS`]. A minute appears about a minute later.
    async fn lambda_sums(
        &self,
        target: &Target,
        queries: &[MetricQuery],
        since: Timestamp,
        until: Timestamp,
    ) -> PortResult<Vec<Minutes>>;
}
