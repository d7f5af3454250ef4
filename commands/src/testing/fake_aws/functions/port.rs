//! Lambda's calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;

use super::{AliasState, BUSY, FunctionState, GONE, ILL, LATEST, STALE, VersionState};
use crate::operation::effects::{
    CREATE_ALIAS, CREATE_FUNCTION, DELETE_ALIAS, DELETE_VERSION, INVOKE, MOVE_ALIAS, PUBLISH_VERSION,
    UPDATE_CODE, UPDATE_CONFIG,
};
use crate::ports::{
    Alias, FunctionCode, FunctionConfig, FunctionVersion, Functions, Invoked, Tags, reset_value,
};
use crate::testing::fake_aws::{FaultProxy, Made, State, refuse};
use sluice_model::{Class, PortResult, Target};

#[async_trait]
impl Functions for FaultProxy {
    async fn roles_in_use(&self, _: &Target) -> PortResult<BTreeMap<String, String>> {
        self.look("lambda:ListFunctions", "", |state| {
            let role = |found: &FunctionState| found.latest.config.role.clone();
            Ok(state.functions.iter().map(|(name, found)| (name.clone(), role(found))).collect())
        })
        .await
    }

    async fn versions(&self, _: &Target, function: &str) -> PortResult<Option<Vec<FunctionVersion>>> {
        self.look("lambda:ListVersionsByFunction", function, |state| {
            let Some(found) = state.functions.get(function) else { return Ok(None) };
            let all = std::iter::once(&found.latest).chain(&found.versions);
            Ok(Some(all.map(|version| state.version(found, version)).collect()))
        })
        .await
    }

    async fn version(
        &self,
        _: &Target,
        function: &str,
        version: &str,
    ) -> PortResult<Option<FunctionVersion>> {
        self.look("lambda:GetFunction", &format!("{function}:{version}"), |state| {
            let Some(found) = state.functions.get(function) else { return Ok(None) };
            // `$LATEST` is there since the function is; a version does not change after it was published.
            let all = std::iter::once((&found.latest, found.made));
            let mut all = all.chain(found.versions.iter().map(|version| (version, version.changed)));
            let known = all.find(|(known, made)| known.number == version && state.shows(*made));
            Ok(known.map(|(version, _)| state.version(found, version)))
        })
        .await
    }

    async fn function_tags(&self, _: &Target, function: &str) -> PortResult<Option<Tags>> {
        self.look("lambda:ListTags", function, |state| {
            Ok(state.functions.get(function).map(|found| found.tags.clone()))
        })
        .await
    }

    async fn create_function(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        code: &FunctionCode,
        tags: &Tags,
    ) -> PortResult<FunctionVersion> {
        let call = CREATE_FUNCTION.call;
        self.change(call, function, |state| {
            if state.functions.contains_key(function) {
                return refuse(call, Class::Conflict, BUSY);
            }
            if !state.is_assumable(&config.role) {
                return refuse(call, Class::Busy, "InvalidParameterValueException");
            }
            let (content, sha256) = state.code(call, code, config.is_image())?;
            let latest = VersionState {
                number: LATEST.into(),
                config: config.clone().normalised(function),
                sha256,
                code: content,
                changed: state.now,
                revision: 0,
                idle: None,
            };
            let made = FunctionState {
                arn: sluice_template::function_arn(target, function),
                tags: tags.clone(),
                made: state.now,
                changes: 0,
                published: 0,
                latest,
                versions: vec![],
                aliases: BTreeMap::new(),
                separate: BTreeMap::new(),
            };
            state.functions.insert(function.to_owned(), made);
            state.publish(call, function)
        })
        .await
    }

    async fn update_config(
        &self,
        _: &Target,
        function: &str,
        config: &FunctionConfig,
        reset: &BTreeSet<String>,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = UPDATE_CONFIG.call;
        let subject = format!("{function} {}", serde_json::to_string(config).unwrap_or_default());
        self.change(call, &subject, |state| {
            let before = state.writable(call, function, revision)?.latest.config.clone();
            if !state.is_assumable(&config.role) {
                return refuse(call, Class::Busy, "InvalidParameterValueException");
            }
            if reset.iter().any(|name| reset_value(function, name).is_none()) {
                return refuse(call, Class::Invalid, "InvalidParameterValueException");
            }
            // Lambda keeps what a request leaves out. The architecture goes with the code.
            let mut settings = before.settings.clone();
            settings.retain(|name, _| !reset.contains(name));
            settings.extend(config.settings.clone());
            let config = FunctionConfig {
                architecture: before.architecture.clone(),
                at_creation: before.at_creation.clone(),
                settings,
                ..config.clone()
            };
            let config = config.normalised(function);
            let now = state.now;
            if let Some(found) = state.functions.get_mut(function) {
                let next = found.change();
                let latest = &mut found.latest;
                (latest.config, latest.changed, latest.revision) = (config.clone(), now, next);
            }
            match state.functions.get(function).map(|found| state.version(found, &found.latest)) {
                None => refuse(call, Class::Absent, GONE),
                Some(version) if before == config => Ok(Made::Same(version)),
                Some(version) => Ok(Made::New(version)),
            }
        })
        .await
    }

    async fn update_code(
        &self,
        _: &Target,
        function: &str,
        code: &FunctionCode,
        architecture: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = UPDATE_CODE.call;
        self.change(call, &format!("{function} {} after {revision}", code.sha256()), |state| {
            let is_image = state.writable(call, function, revision)?.latest.config.is_image();
            let (content, sha256) = state.code(call, code, is_image)?;
            let now = state.now;
            if let Some(found) = state.functions.get_mut(function) {
                let next = found.change();
                let latest = &mut found.latest;
                (latest.sha256, latest.changed, latest.revision) = (sha256, now, next);
                latest.code = content;
                latest.config.architecture = architecture.to_owned();
            }
            state.publish(call, function)
        })
        .await
    }

    async fn publish(
        &self,
        _: &Target,
        function: &str,
        code_sha256: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = PUBLISH_VERSION.call;
        self.change(call, &format!("{function} {code_sha256} after {revision}"), |state| {
            if state.writable(call, function, revision)?.latest.sha256 != code_sha256 {
                return refuse(call, Class::Precondition, "InvalidParameterValueException");
            }
            state.publish(call, function)
        })
        .await
    }

    async fn alias(&self, _: &Target, function: &str, alias: &str) -> PortResult<Option<Alias>> {
        self.look("lambda:GetAlias", &format!("{function}:{alias}"), |state| {
            let Some(found) = state.functions.get(function) else { return Ok(None) };
            Ok(found.aliases.get(alias).map(|it| State::alias(found, alias, it)))
        })
        .await
    }

    async fn aliases(&self, _: &Target, function: &str) -> PortResult<Option<Vec<Alias>>> {
        self.look("lambda:ListAliases", function, |state| {
            let Some(found) = state.functions.get(function) else { return Ok(None) };
            Ok(Some(found.aliases.iter().map(|(name, alias)| State::alias(found, name, alias)).collect()))
        })
        .await
    }

    async fn create_alias(
        &self,
        _: &Target,
        function: &str,
        alias: &str,
        version: &str,
    ) -> PortResult<Alias> {
        let call = CREATE_ALIAS.call;
        self.change(call, &format!("{function}:{alias} -> {version}"), |state| {
            let Some(found) = state.functions.get_mut(function) else {
                return refuse(call, Class::Absent, GONE);
            };
            let revision = found.change();
            if found.aliases.contains_key(alias) {
                return refuse(call, Class::Conflict, BUSY);
            }
            if !found.versions.iter().any(|known| known.number == version) {
                return refuse(call, Class::Absent, GONE);
            }
            let made = AliasState { revision, ..AliasState::at(version) };
            let answer = State::alias(found, alias, &made);
            found.aliases.insert(alias.to_owned(), made);
            Ok(Made::New(answer))
        })
        .await
    }

    async fn move_alias(
        &self,
        _: &Target,
        function: &str,
        alias: &str,
        version: &str,
        revision: &str,
    ) -> PortResult<Alias> {
        let call = MOVE_ALIAS.call;
        self.change(call, &format!("{function}:{alias} -> {version}"), |state| {
            let now = state.now;
            let next = state.functions.get_mut(function).map_or(0, FunctionState::change);
            let exists = state
                .functions
                .get(function)
                .is_some_and(|found| found.versions.iter().any(|known| known.number == version));
            let found = state.alias_of(call, function, alias)?;
            if format!("alias-{}", found.revision) != revision {
                return refuse(call, Class::Precondition, STALE);
            }
            if !exists {
                return refuse(call, Class::Absent, GONE);
            }
            let split = !std::mem::take(&mut found.weights).is_empty();
            let before = std::mem::replace(&mut found.version, version.to_owned());
            let same = before == version && !split;
            found.moved = Some((before, now));
            found.revision = next;
            let answer = state
                .functions
                .get(function)
                .and_then(|found| Some(State::alias(found, alias, found.aliases.get(alias)?)));
            match answer {
                None => refuse(call, Class::Absent, GONE),
                Some(answer) if same => Ok(Made::Same(answer)),
                Some(answer) => Ok(Made::New(answer)),
            }
        })
        .await
    }

    async fn invoke(
        &self,
        _: &Target,
        function: &str,
        alias: &str,
        event: &str,
        _: Duration,
    ) -> PortResult<Invoked> {
        let call = INVOKE.call;
        self.change(call, &format!("{function}:{alias} {event}"), |state| {
            let Some(version) = state.answering(function, alias) else {
                return refuse(call, Class::Absent, GONE);
            };
            if version.idle.is_some() {
                let number = version.number.clone();
                state.called(function, &number);
                return refuse(call, Class::Busy, "ResourceNotReadyException");
            }
            let error = state.is_ill(version).then(|| format!("Unhandled: {ILL}"));
            // An invocation changes nothing in this account.
            Ok(Made::Same(Invoked { version: Some(version.number.clone()), error }))
        })
        .await
    }

    async fn wake(&self, _: &Target, function: &str, version: &str) -> PortResult<()> {
        let call = INVOKE.call;
        self.change(call, &format!("{function}:{version} wake"), |state| {
            match state.called(function, version) {
                None => refuse(call, Class::Absent, GONE),
                Some(()) => Ok(Made::Same(())),
            }
        })
        .await
    }

    async fn delete_version(&self, _: &Target, function: &str, version: &str) -> PortResult<()> {
        let call = DELETE_VERSION.call;
        self.change(call, &format!("{function}:{version}"), |state| {
            let Some(found) = state.functions.get_mut(function) else { return Ok(Made::Same(())) };
            let points = |alias: &AliasState| alias.version == version || alias.weights.contains_key(version);
            if found.aliases.values().any(points) {
                return refuse(call, Class::Conflict, BUSY);
            }
            let before = found.versions.len();
            found.versions.retain(|known| known.number != version);
            Ok(if found.versions.len() < before { Made::New(()) } else { Made::Same(()) })
        })
        .await
    }

    async fn delete_function(&self, _: &Target, function: &str) -> PortResult<()> {
        self.change(DELETE_VERSION.call, function, |state| match state.functions.remove(function) {
            Some(_) => Ok(Made::New(())),
            None => Ok(Made::Same(())),
        })
        .await
    }

    async fn delete_alias(&self, _: &Target, function: &str, alias: &str) -> PortResult<()> {
        self.change(DELETE_ALIAS.call, &format!("{function}:{alias}"), |state| {
            match state.functions.get_mut(function).and_then(|found| found.aliases.remove(alias)) {
                Some(_) => Ok(Made::New(())),
                None => Ok(Made::Same(())),
            }
        })
        .await
    }
}
