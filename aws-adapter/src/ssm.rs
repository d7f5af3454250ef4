//! Systems Manager's parameters. No answer that is asked for holds the value of a secret.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{
    Parameter, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType,
    ResourceTypeForTagging, Tag,
};
use jiff::Timestamp;
use sluice_commands::ports::{ParameterInfo, ParameterStore, SecretText, StoredParameter, Tags};
use sluice_model::{PortResult, Target};

use crate::call;
use crate::client::Service;
use crate::error::{failed, found, unbuildable};

/// The most parameters of one page (the service's limit).
const PAGE: i32 = 50;

pub(crate) struct Ssm(pub(crate) Service<Client>);

fn info(found: &ParameterMetadata) -> Option<ParameterInfo> {
    let changed = found.last_modified_date().and_then(|at| Timestamp::from_second(at.secs()).ok());
    Some(ParameterInfo { name: found.name()?.to_owned(), version: found.version(), changed })
}

/// What was asked for, and what is stored there. `ParameterType` may get more values: what is not plain is treated as a secret.
fn stored(found: Parameter) -> Option<(String, StoredParameter)> {
    // With a version: `/orders/table` and `:3`. For an ARN, the answer has the name and the ARN.
    let asked = format!("{}{}", found.name.as_deref()?, found.selector.as_deref().unwrap_or_default());
    let is_list = match found.r#type {
        Some(ParameterType::String) => false,
        Some(ParameterType::StringList) => true,
        _ => return Some((asked, StoredParameter::Secret)),
    };
    Some((asked, StoredParameter::Plain { value: found.value?, version: found.version, is_list }))
}

#[async_trait]
impl ParameterStore for Ssm {
    async fn create_secret(
        &self,
        target: &Target,
        name: &str,
        value: &SecretText,
        tags: &Tags,
    ) -> PortResult<i64> {
        let call = call::PUT_PARAMETER;
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>().map_err(unbuildable(call))?;
        let request = self.0.client(target, call)?.put_parameter().name(name).value(value.expose());
        let request = request.r#type(ParameterType::SecureString).tier(ParameterTier::Standard);
        let answer = request.set_tags(Some(tags)).send().await.map_err(failed(call))?;
        Ok(answer.version())
    }

    async fn replace_secret(&self, target: &Target, name: &str, value: &SecretText) -> PortResult<i64> {
        let call = call::PUT_PARAMETER;
        let request = self.0.client(target, call)?.put_parameter().name(name).value(value.expose());
        let request = request.r#type(ParameterType::SecureString).overwrite(true);
        Ok(request.send().await.map_err(failed(call))?.version())
    }

    async fn parameter_tags(&self, target: &Target, name: &str) -> PortResult<Option<Tags>> {
        let call = call::LIST_PARAMETER_TAGS;
        let request = self.0.client(target, call)?.list_tags_for_resource().resource_id(name);
        let request = request.resource_type(ResourceTypeForTagging::Parameter);
        let answer = found(request.send().await.map_err(failed(call)))?;
        let tags = |tags: Vec<Tag>| tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        Ok(answer.map(|answer| tags(answer.tag_list.unwrap_or_default())))
    }

    async fn parameters_below(&self, target: &Target, path: &str) -> PortResult<Vec<ParameterInfo>> {
        let call = call::DESCRIBE_PARAMETERS;
        // `Path` takes no slash at the end.
        let filter = ParameterStringFilter::builder().key("Path").option("Recursive");
        let filter = filter.values(path.trim_end_matches('/')).build().map_err(unbuildable(call))?;
        let (mut all, mut token) = (vec![], None);
        loop {
            let request = self.0.client(target, call)?.describe_parameters();
            let request = request.parameter_filters(filter.clone()).max_results(PAGE).set_next_token(token);
            let page = request.send().await.map_err(failed(call))?;
            all.extend(page.parameters().iter().filter_map(info));
            token = page.next_token;
            // Pages may be empty before the last one.
            if token.is_none() {
                break;
            }
        }
        all.sort_by(|a: &ParameterInfo, b| a.name.cmp(&b.name));
        Ok(all)
    }

    async fn plain_parameters(
        &self,
        target: &Target,
        names: &BTreeSet<String>,
    ) -> PortResult<BTreeMap<String, StoredParameter>> {
        let call = call::GET_PARAMETERS;
        let asked: Vec<String> = names.iter().cloned().collect();
        let request = self.0.client(target, call)?.get_parameters().set_names(Some(asked));
        let answer = request.with_decryption(false).send().await.map_err(failed(call))?;
        let mut all = BTreeMap::new();
        for found in answer.parameters.unwrap_or_default() {
            let arn = found
                .arn
                .clone()
                .map(|arn| format!("{arn}{}", found.selector.as_deref().unwrap_or_default()));
            let Some((name, stored)) = stored(found) else { continue };
            // The same parameter may be asked for by its name and by its ARN.
            all.extend(arn.filter(|arn| names.contains(arn)).map(|arn| (arn, stored.clone())));
            if names.contains(&name) {
                all.insert(name, stored);
            }
        }
        Ok(all)
    }

    async fn delete_parameter(&self, target: &Target, name: &str) -> PortResult<bool> {
        let call = call::DELETE_PARAMETER;
        let request = self.0.client(target, call)?.delete_parameter().name(name);
        Ok(found(request.send().await.map_err(failed(call)))?.is_some())
    }
}
