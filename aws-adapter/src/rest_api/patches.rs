//! Patch operations: what an API or a stage lacks of its wanted properties.
//! <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>

use std::collections::BTreeSet;

use aws_sdk_apigateway::operation::get_rest_api::GetRestApiOutput;
use aws_sdk_apigateway::operation::get_stage::GetStageOutput;
use aws_sdk_apigateway::types::{EndpointType as SdkEndpointType, Op, PatchOperation};
use serde_json::Value;
use sluice_commands::ports::{ApiSettings, EndpointType, SettingsChange, StageChange};
use sluice_model::AccessLog;

use crate::values::differ;

pub(super) fn endpoint_type(kind: EndpointType) -> SdkEndpointType {
    match kind {
        EndpointType::Edge => SdkEndpointType::Edge,
        EndpointType::Regional => SdkEndpointType::Regional,
        EndpointType::Private => SdkEndpointType::Private,
    }
}

fn patch(op: Op, path: impl Into<String>, value: Option<String>) -> PatchOperation {
    PatchOperation::builder().op(op).path(path).set_value(value).build()
}

/// A segment of a path (RFC 6901).
fn escaped(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// Whether the change removes something.
pub(super) fn removes(change: &StageChange) -> bool {
    let StageChange { variables, settings, .. } = change;
    variables.values().any(String::is_empty)
        || !settings.removed().is_empty()
        || settings.removes_access_log()
}

/// The operations that change a stage. `now` is the stage before, if something is removed that it may have.
pub(super) fn of_stage(change: &StageChange, now: Option<&GetStageOutput>) -> Vec<PatchOperation> {
    let StageChange { deployment, variables, settings } = change;
    let mut patches = vec![patch(Op::Replace, "/deploymentId", Some(deployment.clone()))];
    let known = now.and_then(|now| now.variables());
    for (name, value) in variables {
        let path = format!("/variables/{}", escaped(name));
        match value.is_empty() {
            false => patches.push(patch(Op::Replace, path, Some(value.clone()))),
            true if known.is_some_and(|known| known.contains_key(name)) => {
                patches.push(patch(Op::Remove, path, None));
            }
            true => {}
        }
    }
    patches.extend(of_stage_settings(settings, now));
    patches
}

/// The operations that change the settings of a stage.
fn of_stage_settings(change: &SettingsChange, now: Option<&GetStageOutput>) -> Vec<PatchOperation> {
    let SettingsChange { from, to } = change;
    if change.is_none() {
        return vec![];
    }
    let mut patches = vec![];
    match &to.access_log {
        Some(AccessLog { destination, format }) => {
            patches.push(replaced("/accessLogSettings/destinationArn", destination));
            patches.push(replaced("/accessLogSettings/format", format));
        }
        None if change.removes_access_log() && now.is_some_and(|now| now.access_log_settings().is_some()) => {
            patches.push(patch(Op::Remove, "/accessLogSettings", None));
        }
        None => {}
    }
    if from.traces != to.traces {
        patches.push(replaced("/tracingEnabled", to.traces));
    }
    let known: BTreeSet<String> =
        now.and_then(|now| now.method_settings()).into_iter().flatten().map(|(key, _)| bare(key)).collect();
    let removed = change.removed().into_iter().map(method_path);
    let removed = removed.filter(|path| known.contains(&bare(path)));
    patches.extend(removed.map(|path| patch(Op::Remove, format!("/{path}"), None)));
    for (route, settings) in &to.routes {
        let path = method_path(route);
        let mut set = |key: &str, value: Option<String>| {
            patches.extend(value.map(|value| replaced(&format!("/{path}/{key}"), value)));
        };
        set("throttling/burstLimit", settings.burst.map(|burst| burst.to_string()));
        set("throttling/rateLimit", settings.rate.as_ref().map(ToString::to_string));
        set("metrics/enabled", settings.metrics.map(|is_on| is_on.to_string()));
        set("logging/loglevel", settings.logging.clone());
        set("logging/dataTrace", settings.data_trace.map(|is_on| is_on.to_string()));
    }
    patches
}

fn replaced(path: &str, value: impl ToString) -> PatchOperation {
    patch(Op::Replace, path, Some(value.to_string()))
}

/// `~1items/GET` for `GET /items`, and `*/*` for all routes.
fn method_path(route: &str) -> String {
    let (method, path) = route.split_once(' ').unwrap_or((route, "*"));
    format!("{}/{method}", escaped(path))
}

/// The key of settings, however it is escaped.
fn bare(key: &str) -> String {
    key.replace("~1", "/").trim_start_matches('/').to_owned()
}

/// The operations that give an API these properties.
pub(super) fn of_settings(settings: &ApiSettings, now: &GetRestApiOutput) -> Vec<PatchOperation> {
    let mut patches = vec![];
    let mut replace = |path: &str, value: String| patches.push(patch(Op::Replace, path, Some(value)));
    let (description, endpoint) = (now.description().map(str::to_owned), now.endpoint_configuration());
    if let Some(text) = settings.description.as_ref().filter(|_| differ(&settings.description, description)) {
        replace("/description", text.clone());
    }
    if let Some(is_disabled) = settings.disable_execute_api_endpoint
        && is_disabled != now.disable_execute_api_endpoint()
    {
        replace("/disableExecuteApiEndpoint", is_disabled.to_string());
    }
    let kind = endpoint.and_then(|endpoint| endpoint.types().first());
    if let (Some(wanted), Some(kind)) = (settings.endpoint_type.map(endpoint_type), kind)
        && wanted != *kind
    {
        replace(&format!("/endpointConfiguration/types/{kind}"), wanted.to_string());
    }
    let addresses = endpoint.and_then(|endpoint| endpoint.ip_address_type()).map(ToString::to_string);
    if let Some(kind) =
        settings.ip_address_type.as_ref().filter(|_| differ(&settings.ip_address_type, addresses))
    {
        replace("/endpointConfiguration/ipAddressType", kind.clone());
    }
    let size = now.minimum_compression_size().and_then(|size| u32::try_from(size).ok());
    if let Some(wanted) = settings.minimum_compression_size.filter(|wanted| Some(*wanted) != size) {
        replace("/minimumCompressionSize", wanted.to_string());
    }
    let source = now.api_key_source().map(ToString::to_string);
    if let Some(wanted) =
        settings.api_key_source.as_ref().filter(|_| differ(&settings.api_key_source, source))
    {
        replace("/apiKeySource", wanted.clone());
    }
    if let Some(policy) = settings.policy.as_ref().filter(|policy| !is_policy(policy, now.policy())) {
        replace("/policy", policy.clone());
    }
    if let Some(wanted) = &settings.binary_media_types {
        let (added, removed) = difference(wanted, now.binary_media_types());
        let path = |kind: &String| format!("/binaryMediaTypes/{}", escaped(kind));
        patches.extend(removed.iter().map(|kind| patch(Op::Remove, path(kind), None)));
        patches.extend(added.iter().map(|kind| patch(Op::Add, path(kind), None)));
    }
    if let Some(wanted) = &settings.vpc_endpoints {
        // The value names the endpoint in both directions: <https://github.com/hashicorp/terraform-provider-aws/issues/40865>.
        const PATH: &str = "/endpointConfiguration/vpcEndpointIds";
        let (added, removed) =
            difference(wanted, endpoint.map(|it| it.vpc_endpoint_ids()).unwrap_or_default());
        patches.extend(removed.into_iter().map(|id| patch(Op::Remove, PATH, Some(id))));
        patches.extend(added.into_iter().map(|id| patch(Op::Add, PATH, Some(id))));
    }
    patches
}

/// What a set lacks, and what it has too much.
fn difference(wanted: &BTreeSet<String>, now: &[String]) -> (Vec<String>, Vec<String>) {
    let added = wanted.iter().filter(|item| !now.contains(item)).cloned().collect();
    let removed = now.iter().filter(|item| !wanted.contains(*item)).cloned().collect();
    (added, removed)
}

/// Whether the API has that policy. The service returns it as the inside of a JSON string.
fn is_policy(wanted: &str, now: Option<&str>) -> bool {
    let now = now.and_then(|now| serde_json::from_str::<String>(&format!("\"{now}\"")).ok());
    let parsed = |policy: &str| serde_json::from_str::<Value>(policy).ok();
    now.is_some_and(|now| parsed(&now).is_some() && parsed(&now) == parsed(wanted))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_apigateway::types::EndpointConfiguration;
    use sluice_model::{ALL_ROUTES, ApiStageSettings, RouteSettings};

    use super::*;

    /// `op path value` of each operation.
    fn shown(patches: &[PatchOperation]) -> Vec<String> {
        let text = |patch: &PatchOperation| {
            let (op, path) = (patch.op().unwrap().as_str(), patch.path().unwrap());
            format!("{op} {path} {}", patch.value().unwrap_or("-"))
        };
        patches.iter().map(text).collect()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_stage_moves_its_deployment_first_and_loses_only_variables_that_it_has() {
        let wanted = map(&[("Hello", "7"), ("Old", ""), ("Gone", "")]);
        let known = [("Hello", "6"), ("Old", "3"), ("Mine", "x")];
        let known = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let now = GetStageOutput::builder().set_variables(Some(known.into())).build();
        let change =
            StageChange { deployment: "d2".into(), variables: wanted, settings: SettingsChange::default() };
        assert!(removes(&change));
        let patches = of_stage(&change, Some(&now));
        assert_eq!(
            shown(&patches),
            ["replace /deploymentId d2", "replace /variables/Hello 7", "remove /variables/Old -"]
        );
    }

    /// <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch>
    #[test]
    fn settings_of_a_stage_are_set_and_removed_by_path() {
        let log = AccessLog {
            destination: "arn:aws:logs:::log-group:a".into(),
            format: "$context.requestId".into(),
        };
        let one = RouteSettings { burst: Some(5), rate: Some(10.into()), ..RouteSettings::default() };
        let all = RouteSettings {
            metrics: Some(true),
            logging: Some("ERROR".into()),
            data_trace: Some(false),
            ..RouteSettings::default()
        };
        let routes = [(ALL_ROUTES.to_owned(), all.clone()), ("GET /items/{id}".to_owned(), one)];
        let set = ApiStageSettings { access_log: Some(log), traces: true, routes: routes.into() };
        let none = ApiStageSettings { routes: [(ALL_ROUTES.to_owned(), all)].into(), ..Default::default() };
        let change = |from: &ApiStageSettings, to: &ApiStageSettings| SettingsChange {
            from: from.clone(),
            to: to.clone(),
        };
        assert_eq!(
            shown(&of_stage_settings(&change(&none, &set), None)),
            [
                "replace /accessLogSettings/destinationArn arn:aws:logs:::log-group:a",
                "replace /accessLogSettings/format $context.requestId",
                "replace /tracingEnabled true",
                "replace /*/*/metrics/enabled true",
                "replace /*/*/logging/loglevel ERROR",
                "replace /*/*/logging/dataTrace false",
                "replace /~1items~1{id}/GET/throttling/burstLimit 5",
                "replace /~1items~1{id}/GET/throttling/rateLimit 10",
            ]
        );
        let back = change(&set, &none);
        let of_method = aws_sdk_apigateway::types::MethodSetting::builder().build();
        let now = GetStageOutput::builder()
            .access_log_settings(aws_sdk_apigateway::types::AccessLogSettings::builder().build())
            .method_settings("~1items~1{id}/GET", of_method)
            .build();
        let all = ["metrics/enabled true", "logging/loglevel ERROR", "logging/dataTrace false"];
        let all = all.map(|setting| format!("replace /*/*/{setting}"));
        let gone =
            ["remove /accessLogSettings -", "replace /tracingEnabled false", "remove /~1items~1{id}/GET -"];
        let wanted: Vec<_> = gone.map(str::to_owned).into_iter().chain(all.clone()).collect();
        assert_eq!(shown(&of_stage_settings(&back, Some(&now))), wanted);
        let bare = GetStageOutput::builder().build();
        let wanted: Vec<_> = ["replace /tracingEnabled false".to_owned()].into_iter().chain(all).collect();
        assert_eq!(shown(&of_stage_settings(&back, Some(&bare))), wanted, "nothing is left to remove");
        assert_eq!(shown(&of_stage_settings(&change(&set, &set), None)), [""; 0]);
    }

    #[test]
    fn only_properties_that_differ_are_patched() {
        let policy = r#"{"Statement":[{"Effect":"Allow","Resource":"execute-api:/*"}]}"#;
        let settings = ApiSettings {
            description: Some("new".into()),
            disable_execute_api_endpoint: Some(true),
            endpoint_type: Some(EndpointType::Regional),
            vpc_endpoints: Some(["vpce-1".into()].into()),
            binary_media_types: Some(["image/png".into(), "a~b".into()].into()),
            minimum_compression_size: Some(0),
            api_key_source: Some("AUTHORIZER".into()),
            policy: Some(policy.into()),
            ..ApiSettings::default()
        };
        let endpoint = EndpointConfiguration::builder();
        let now = GetRestApiOutput::builder()
            .description("old")
            .binary_media_types("image/gif")
            .endpoint_configuration(endpoint.types(SdkEndpointType::Edge).vpc_endpoint_ids("vpce-2").build())
            .policy(r#"{\"Statement\":[]}"#)
            .build();
        assert_eq!(
            shown(&of_settings(&settings, &now)),
            [
                "replace /description new",
                "replace /disableExecuteApiEndpoint true",
                "replace /endpointConfiguration/types/EDGE REGIONAL",
                "replace /minimumCompressionSize 0",
                "replace /apiKeySource AUTHORIZER",
                &format!("replace /policy {policy}"),
                "remove /binaryMediaTypes/image~1gif -",
                "add /binaryMediaTypes/a~0b -",
                "add /binaryMediaTypes/image~1png -",
                "remove /endpointConfiguration/vpcEndpointIds vpce-2",
                "add /endpointConfiguration/vpcEndpointIds vpce-1",
            ]
        );
        let endpoint = EndpointConfiguration::builder();
        let same = GetRestApiOutput::builder()
            .description("new")
            .disable_execute_api_endpoint(true)
            .set_binary_media_types(Some(vec!["image/png".into(), "a~b".into()]))
            .minimum_compression_size(0)
            .api_key_source("AUTHORIZER".into())
            .endpoint_configuration(
                endpoint.types(SdkEndpointType::Regional).vpc_endpoint_ids("vpce-1").build(),
            )
            .policy(policy.replace('"', "\\\"").replace('/', "\\/"))
            .build();
        assert_eq!(shown(&of_settings(&settings, &same)), [""; 0]);
        assert_eq!(shown(&of_settings(&ApiSettings::default(), &now)), [""; 0], "nothing is wanted");
    }
}
