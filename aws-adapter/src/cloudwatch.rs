//! CloudWatch: how often functions were called, and how that went.
//!
//! This is the one call that Sluice makes to CloudWatch, so it is made with the SDK's own machinery (orchestrator, signer, retries) but
//! without `aws-sdk-cloudwatch`: that crate has 90,000 lines, ten dependencies of its own for CBOR and compression, and a feature by which
//! all other SDK crates are compiled anew. The service speaks JSON, too: protocol `json` 1.0 and the target prefix of its service model
//! (botocore, `cloudwatch/2010-08-01`).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{self, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_commands::ports::{MOST_METRICS, MetricQuery, Metrics, Minutes};
use sluice_model::{Class, PortResult, Target, url_suffix};

use crate::call::{self, Call, READS};
use crate::client::{AllowedCalls, Service};
use crate::config;
use crate::error::failed;
use crate::limits::Limits;

/// The name of the service in signatures and host names.
const SIGNED_AS: &str = "monitoring";
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";
/// Metrics have a value for each minute.
const PERIOD: i64 = 60;
/// An answer has up to 100,800 values, which is more than is asked for. A page may end earlier (`PartialData`).
const MOST_PAGES: usize = 4;

/// The call: a body in JSON and its answer.
type GetMetricData = Operation<Value, Value, ErrorMetadata>;

#[derive(Debug)]
pub(crate) struct CloudWatch(Service<GetMetricData>);

impl CloudWatch {
    pub(crate) fn new(config: &SdkConfig, region: &str, limits: Arc<Limits>) -> Self {
        let operation = operation(config, region);
        Self(Service { region: region.to_owned(), reads: operation.clone(), writes: operation, limits })
    }
}

/// The service's own address, unless the configuration has another one.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    let own = || format!("https://{SIGNED_AS}.{region}.{}", url_suffix(region));
    config::endpoint(config, "CloudWatch").unwrap_or_else(own)
}

fn operation(config: &SdkConfig, region: &str) -> GetMetricData {
    let mut signing = Layer::new("signing");
    signing.store_put(AuthSchemeOptionResolverParams::new(()));
    signing.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_types::region::Region::new(region.to_owned()))),
        name: Some(SigningName::from_static(SIGNED_AS)),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID])))
        .with_identity_cache(config.identity_cache())
        .with_time_source(config.time_source())
        .with_sleep_impl(config.sleep_impl());
    if let Some(credentials) = config.credentials_provider() {
        components = components.with_identity_resolver(sigv4::SCHEME_ID, credentials);
    }
    let mut builder = Operation::builder()
        .service_name("CloudWatch")
        .operation_name("GetMetricData")
        .endpoint_url(&endpoint(config, region))
        .timeout_config(config.timeout_config().cloned().unwrap_or_else(config::timeouts))
        .standard_retry(&config.retry_config().cloned().unwrap_or_else(config::retries))
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .interceptor(AllowedCalls(READS))
        .with_connection_poisoning()
        .runtime_plugin(
            StaticRuntimePlugin::new().with_config(signing.freeze()).with_runtime_components(components),
        );
    if let Some(http) = config.http_client() {
        builder = builder.http_client(http);
    }
    builder
        .serializer(|body: Value| {
            let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
            request.set_method("POST")?;
            request.set_uri("/")?;
            request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            request.headers_mut().insert("x-amz-target", TARGET);
            Ok(request)
        })
        .deserializer(read)
        .build()
}

/// An answer, or the service's refusal. Its code is in a header: the service first spoke another protocol
/// (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).
fn read(answer: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let body = answer.body().bytes().unwrap_or_default();
    if answer.status().is_success() {
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let header = answer.headers().get("x-amzn-query-error").and_then(|value| value.split(';').next());
    let code = header.or_else(|| error["__type"].as_str()?.rsplit('#').next());
    let message = error["message"].as_str().or_else(|| error["Message"].as_str());
    let mut refusal = ErrorMetadata::builder();
    if let Some(code) = code {
        refusal = refusal.code(code);
    }
    Err(OrchestratorError::operation(refusal.message(message.unwrap_or_default()).build()))
}

/// The query of a metric. An alias or version is the dimension `Resource`
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html>).
fn query((nth, query): (usize, &MetricQuery)) -> Value {
    let MetricQuery { metric, function, qualifier } = query;
    json!({
        "Id": format!("m{nth}"),
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric.as_str(),
                "Dimensions": [
                    { "Name": "FunctionName", "Value": function },
                    { "Name": "Resource", "Value": format!("{function}:{qualifier}") },
                ],
            },
            "Period": PERIOD,
            "Stat": "Sum",
        },
    })
}

/// Adds a page to the minutes of each query.
fn add(call: Call, page: &Value, minutes: &mut [BTreeMap<Timestamp, u64>]) -> PortResult<()> {
    for result in page["MetricDataResults"].as_array().into_iter().flatten() {
        let class = match result["StatusCode"].as_str() {
            Some("InternalError") => Some(Class::Transient),
            Some("Forbidden") => Some(Class::Denied),
            _ => None,
        };
        if let Some(class) = class {
            return Err(call.error(class, result["StatusCode"].as_str().unwrap_or_default(), "a metric"));
        }
        let nth: Option<usize> = result["Id"].as_str().and_then(|id| id.strip_prefix('m')?.parse().ok());
        let Some(minutes) = nth.and_then(|nth| minutes.get_mut(nth)) else { continue };
        let times = result["Timestamps"].as_array().into_iter().flatten();
        let values = result["Values"].as_array().into_iter().flatten();
        for (at, value) in times.zip(values) {
            let at = at.as_f64().and_then(|at| Timestamp::from_second(whole(at)?).ok());
            let value = value.as_f64().and_then(whole).and_then(|value| u64::try_from(value).ok());
            if let (Some(at), Some(value)) = (at, value) {
                minutes.insert(at, value);
            }
        }
    }
    Ok(())
}

/// The nearest whole number, far from where that loses digits.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 1e15).then(|| number.round() as i64)
}

#[async_trait]
impl Metrics for CloudWatch {
    async fn lambda_sums(
        &self,
        target: &Target,
        queries: &[MetricQuery],
        since: Timestamp,
        until: Timestamp,
    ) -> PortResult<Vec<Minutes>> {
        let call = call::GET_METRIC_DATA;
        if queries.len() > MOST_METRICS {
            return Err(call.error(Class::Invalid, "NotSendable", "too many metrics for one request"));
        }
        let mut body = json!({
            "MetricDataQueries": queries.iter().enumerate().map(query).collect::<Vec<_>>(),
            // Rounded down to the minute by the service, too. The end is exclusive.
            "StartTime": since.as_second().div_euclid(PERIOD) * PERIOD,
            "EndTime": until.as_second(),
            "ScanBy": "TimestampAscending",
        });
        let mut minutes = vec![BTreeMap::new(); queries.len()];
        for _ in 0..MOST_PAGES {
            let page = self.0.rate_limited(target, call).await?.invoke(body.clone()).await;
            let page = page.map_err(failed(call))?;
            add(call, &page, &mut minutes)?;
            match page["NextToken"].as_str() {
                Some(next) => body["NextToken"] = json!(next),
                None => break,
            }
        }
        Ok(minutes.into_iter().map(|minutes| minutes.into_iter().collect()).collect())
    }
}
