//! Lambda. Every write names the state that it was decided on (`RevisionId`, `CodeSha256`), so a lost race is a conflict
//! and never a change.

mod form;
mod layers;
mod separate;
mod settings;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    AliasRoutingConfiguration, Architecture, InvocationType, PackageType, Runtime, S3ObjectStorageMode,
};
use aws_smithy_types::timeout::TimeoutConfig;
use sluice_commands::ports::{
    Alias, FunctionCode, FunctionConfig, FunctionVersion, Functions, Invoked, Tags, WAKE_EVENT, complete,
    reset_value,
};
use sluice_model::{Class, PortResult, Target};

use crate::call;
use crate::client::Service;
use crate::error::{failed, found};
use crate::values::{sorted, unsorted};
use settings::{Settings, with_settings};
use values::{alias_of, environment, function_error, is_published, positive, version_of};

/// How long the function may take if it was not inactive after all.
const WAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// With what Lambda refuses the call of a version that it begins to restore: the errors of `Invoke` in AWS's model that say so.
const STARTS_RESTORING: [&str; 4] = [
    "ENINotReadyException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
];

/// Adds the code to a request.
macro_rules! code_of {
    ($call:expr, $request:expr, $code:expr) => {
        match $code {
            FunctionCode::Image { uri, .. } => $request.image_uri(uri),
            FunctionCode::Archive { object, settings } => {
                let (mut mode, mut key) = (None, None);
                for (name, value) in settings {
                    match name.as_str() {
                        "S3ObjectStorageMode" => mode = Some(S3ObjectStorageMode::from(value.as_str())),
                        "SourceKMSKeyArn" => key = Some(value.clone()),
                        _ => {
                            let detail = format!("Code.{name} is not known to this version of Sluice");
                            return Err($call.error(Class::Invalid, "NotSendable", detail));
                        }
                    }
                }
                $request
                    .s3_bucket(&object.bucket)
                    .s3_key(&object.key)
                    .s3_object_version(&object.version)
                    .set_s3_object_storage_mode(mode)
                    .set_source_kms_key_arn(key)
            }
        }
    };
}

pub(crate) struct Lambda(pub(crate) Service<Client>);

/// The layers to send; none at all for an image: Lambda refuses the member, even empty, as it does `Runtime` and `Handler`.
fn layers(config: &FunctionConfig) -> Option<Vec<String>> {
    (!config.is_image()).then(|| config.layers.clone())
}

#[async_trait]
impl Functions for Lambda {
    async fn roles_in_use(&self, target: &Target) -> PortResult<BTreeMap<String, String>> {
        let call = call::LIST_FUNCTIONS;
        let (mut roles, mut marker) = (BTreeMap::new(), None);
        loop {
            let client = self.0.rate_limited(target, call).await?;
            let page = client.list_functions().set_marker(marker).send().await.map_err(failed(call))?;
            for function in page.functions() {
                let name = call.required(function.function_name(), "function name")?;
                roles.insert(name.to_owned(), call.required(function.role(), "role")?.to_owned());
            }
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(roles);
            }
        }
    }

    async fn versions(&self, target: &Target, function: &str) -> PortResult<Option<Vec<FunctionVersion>>> {
        let call = call::LIST_VERSIONS;
        let (mut versions, mut marker) = (Vec::new(), None);
        loop {
            let client = self.0.rate_limited(target, call).await?;
            let page =
                client.list_versions_by_function().function_name(function).set_marker(marker).send().await;
            let Some(page) = found(page.map_err(failed(call)))? else { return Ok(None) };
            for version in page.versions() {
                versions.push(version_of!(call, version));
            }
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(Some(versions));
            }
        }
    }

    async fn version(
        &self,
        target: &Target,
        function: &str,
        version: &str,
    ) -> PortResult<Option<FunctionVersion>> {
        let call = call::GET_FUNCTION;
        let request = self.0.rate_limited(target, call).await?.get_function().function_name(function);
        let Some(answer) = found(request.qualifier(version).send().await.map_err(failed(call)))? else {
            return Ok(None);
        };
        let configuration = call.required(answer.configuration(), "configuration")?;
        Ok(Some(version_of!(call, configuration)))
    }

    async fn function_tags(&self, target: &Target, function: &str) -> PortResult<Option<Tags>> {
        let call = call::LIST_FUNCTION_TAGS;
        let client = self.0.rate_limited(target, call).await?;
        let arn = target.arn("lambda", &format!("function:{function}"));
        let answer = found(client.list_tags().resource(arn).send().await.map_err(failed(call)))?;
        Ok(answer.map(|answer| sorted(answer.tags())))
    }

    async fn create_function(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        code: &FunctionCode,
        tags: &Tags,
    ) -> PortResult<FunctionVersion> {
        let call = call::CREATE_FUNCTION;
        let kind = if config.is_image() { PackageType::Image } else { PackageType::Zip };
        let settings = Settings::of(call, config.settings.iter().chain(&config.at_creation))?;
        let tenancy = settings.tenancy.clone();
        let package = code_of!(call, aws_sdk_lambda::types::FunctionCode::builder(), code).build();
        let request = self
            .0
            .rate_limited(target, call)
            .await?
            .create_function()
            .function_name(function)
            .package_type(kind)
            .code(package)
            .set_runtime(config.runtime.as_deref().map(Runtime::from))
            .set_handler(config.handler.clone())
            .role(&config.role)
            .memory_size(positive(call, config.memory)?)
            .timeout(positive(call, config.timeout)?)
            .architectures(Architecture::from(config.architecture.as_str()))
            .environment(environment(&config.environment))
            .description(&config.description)
            .set_layers(layers(config))
            .set_tenancy_config(tenancy)
            .set_tags(unsorted(tags))
            .publish(true);
        let answer = with_settings!(request, settings).send().await.map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn update_config(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        reset: &BTreeSet<String>,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = call::UPDATE_FUNCTION_CONFIGURATION;
        let settings = config.settings.iter();
        let mut values: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.clone(), complete(function, name, value))).collect();
        for name in reset.iter().filter(|name| !config.settings.contains_key(*name)) {
            let Some(value) = reset_value(function, name) else {
                let detail = format!("{name} cannot be removed from {function}");
                return Err(call.error(Class::Invalid, "NotSendable", detail));
            };
            values.insert(name.clone(), value);
        }
        let settings = Settings::of(call, &values)?;
        // The architecture belongs to the code: this call has no such field.
        let request = self
            .0
            .rate_limited(target, call)
            .await?
            .update_function_configuration()
            .function_name(function)
            .set_runtime(config.runtime.as_deref().map(Runtime::from))
            .set_handler(config.handler.clone())
            .role(&config.role)
            .memory_size(positive(call, config.memory)?)
            .timeout(positive(call, config.timeout)?)
            .environment(environment(&config.environment))
            // Sent also if they are empty: that removes earlier ones.
            .description(&config.description)
            .set_layers(layers(config))
            .revision_id(revision);
        let answer = with_settings!(request, settings).send().await.map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn update_code(
        &self,
        target: &Target,
        function: &str,
        code: &FunctionCode,
        architecture: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = call::UPDATE_FUNCTION_CODE;
        let request = self.0.rate_limited(target, call).await?.update_function_code().function_name(function);
        let answer = code_of!(call, request, code)
            .architectures(Architecture::from(architecture))
            .revision_id(revision)
            .publish(true)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn publish(
        &self,
        target: &Target,
        function: &str,
        code_sha256: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = call::PUBLISH_VERSION;
        let answer = self
            .0
            .rate_limited(target, call)
            .await?
            .publish_version()
            .function_name(function)
            .code_sha256(code_sha256)
            .revision_id(revision)
            .send()
            .await
            .map_err(failed(call))?;
        Ok(version_of!(call, &answer))
    }

    async fn alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<Option<Alias>> {
        let call = call::GET_ALIAS;
        let answer = self
            .0
            .rate_limited(target, call)
            .await?
            .get_alias()
            .function_name(function)
            .name(alias)
            .send()
            .await;
        match found(answer.map_err(failed(call)))? {
            Some(answer) => Ok(Some(alias_of!(call, &answer))),
            None => Ok(None),
        }
    }

    async fn aliases(&self, target: &Target, function: &str) -> PortResult<Option<Vec<Alias>>> {
        let call = call::LIST_ALIASES;
        let (mut aliases, mut marker) = (Vec::new(), None);
        loop {
            let client = self.0.rate_limited(target, call).await?;
            let page = client.list_aliases().function_name(function).set_marker(marker).send().await;
            let Some(page) = found(page.map_err(failed(call)))? else { return Ok(None) };
            for alias in page.aliases() {
                aliases.push(alias_of!(call, alias));
            }
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(Some(aliases));
            }
        }
    }

    async fn create_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
    ) -> PortResult<Alias> {
        let call = call::CREATE_ALIAS;
        let request =
            self.0.rate_limited(target, call).await?.create_alias().function_name(function).name(alias);
        let answer = request.function_version(version).send().await.map_err(failed(call))?;
        Ok(alias_of!(call, &answer))
    }

    async fn move_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
        revision: &str,
    ) -> PortResult<Alias> {
        let call = call::UPDATE_ALIAS;
        let request =
            self.0.rate_limited(target, call).await?.update_alias().function_name(function).name(alias);
        // An alias keeps the weights that a request leaves out, and would still send them a part of its calls.
        let all = AliasRoutingConfiguration::builder().set_additional_version_weights(Some(HashMap::new()));
        let request = request.routing_config(all.build());
        let answer =
            request.function_version(version).revision_id(revision).send().await.map_err(failed(call))?;
        Ok(alias_of!(call, &answer))
    }

    async fn invoke(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        event: &str,
        within: Duration,
    ) -> PortResult<Invoked> {
        let call = call::INVOKE;
        let request =
            self.0.rate_limited(target, call).await?.invoke().function_name(function).qualifier(alias);
        let request = request.invocation_type(InvocationType::RequestResponse).payload(Blob::new(event));
        // A function may take longer than any call of a control plane.
        let limits = TimeoutConfig::builder().operation_attempt_timeout(within).operation_timeout(within);
        let limits = aws_sdk_lambda::config::Builder::new().timeout_config(limits.build());
        let answer = request.customize().config_override(limits).send().await.map_err(failed(call))?;
        let said = answer.payload().map(Blob::as_ref).unwrap_or_default();
        Ok(Invoked {
            version: answer.executed_version().map(str::to_owned),
            error: answer.function_error().map(|kind| function_error(kind, said)),
        })
    }

    async fn wake(&self, target: &Target, function: &str, version: &str) -> PortResult<()> {
        match self.invoke(target, function, version, WAKE_EVENT, WAKE_TIMEOUT).await {
            // The refusal is what a call of an inactive version gets.
            Err(error) if STARTS_RESTORING.contains(&error.code.as_str()) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn delete_alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<()> {
        let call = call::DELETE_ALIAS;
        let answer = self
            .0
            .rate_limited(target, call)
            .await?
            .delete_alias()
            .function_name(function)
            .name(alias)
            .send()
            .await;
        found(answer.map_err(failed(call))).map(|_| ())
    }

    async fn delete_version(&self, target: &Target, function: &str, version: &str) -> PortResult<()> {
        let call = call::DELETE_VERSION;
        // Without a qualifier, or with an empty one, this call deletes the whole function.
        if !is_published(version) {
            let detail = format!("`{version}` is not a published version of {function}");
            return Err(call.error(Class::Invalid, "NotSendable", detail));
        }
        let client = self.0.rate_limited(target, call).await?;
        let request = client.delete_function().function_name(function).qualifier(version);
        found(request.send().await.map_err(failed(call))).map(|_| ())
    }

    async fn delete_function(&self, target: &Target, function: &str) -> PortResult<()> {
        let call = call::DELETE_VERSION;
        // The name may hold a version, `name:7`, or be an ARN; this call is for a whole function that Sluice made.
        if !function.starts_with("sluice-") || function.contains(':') {
            let detail = format!("`{function}` is not the name of a function of Sluice");
            return Err(call.error(Class::Invalid, "NotSendable", detail));
        }
        let client = self.0.rate_limited(target, call).await?;
        found(client.delete_function().function_name(function).send().await.map_err(failed(call))).map(|_| ())
    }
}
