//! The request for a change set.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::operation::create_change_set::builders::CreateChangeSetFluentBuilder;
use aws_sdk_cloudformation::types::{
    Capability as SdkCapability, ChangeSetType, OnStackFailure as SdkOnStackFailure, Parameter, Tag,
};
use sluice_commands::ports::{
    Capability, ChangeSetKind, NewChangeSet, OnStackFailure, ParameterValue, TemplateSource,
};

pub(super) fn change_set(client: &Client, request: &NewChangeSet) -> CreateChangeSetFluentBuilder {
    let built = client.create_change_set().stack_name(&request.stack).change_set_name(&request.name);
    let built = match &request.template {
        TemplateSource::Body(body) => built.template_body(body),
        TemplateSource::Url(url) => built.template_url(url),
    };
    let built = match request.kind {
        // For an update, CloudFormation refuses this parameter.
        ChangeSetKind::Create => {
            built.change_set_type(ChangeSetType::Create).on_stack_failure(on_failure(request.on_failure))
        }
        ChangeSetKind::Update => built.change_set_type(ChangeSetType::Update),
    };
    let types = (!request.resource_types.is_empty()).then(|| request.resource_types.clone());
    built
        .client_token(&request.token)
        .role_arn(&request.role)
        .set_parameters(some(request.parameters.iter().map(parameter)))
        .set_capabilities(some(request.capabilities.iter().map(|given| capability(*given))))
        .set_resource_types(types)
        .set_tags(some(tags(&request.tags)))
        .include_nested_stacks(request.includes_nested)
}

/// CloudFormation has no empty lists: an empty one is left out.
fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

fn parameter((name, value): (&String, &ParameterValue)) -> Parameter {
    let parameter = Parameter::builder().parameter_key(name);
    match value {
        ParameterValue::New(value) => parameter.parameter_value(value).build(),
        ParameterValue::Previous => parameter.use_previous_value(true).build(),
    }
}

fn tags(tags: &BTreeMap<String, String>) -> impl Iterator<Item = Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build())
}

fn capability(given: Capability) -> SdkCapability {
    match given {
        Capability::Iam => SdkCapability::CapabilityIam,
        Capability::NamedIam => SdkCapability::CapabilityNamedIam,
        Capability::AutoExpand => SdkCapability::CapabilityAutoExpand,
    }
}

fn on_failure(then: OnStackFailure) -> SdkOnStackFailure {
    match then {
        OnStackFailure::Delete => SdkOnStackFailure::Delete,
        OnStackFailure::Rollback => SdkOnStackFailure::Rollback,
    }
}
