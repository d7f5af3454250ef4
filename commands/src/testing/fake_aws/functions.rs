//! Lambda: revisions that guard every change, versions that never change, changes that take a while to apply.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::{FaultProxy, Made, State, app, refuse};
use crate::operation::effects::{
    CREATE_ALIAS, CREATE_FUNCTION, DELETE_ALIAS, DELETE_VERSION, INVOKE, MOVE_ALIAS, PERMIT_API,
    PUBLISH_VERSION, REMOVE_PERMISSION, UPDATE_CODE, UPDATE_CONFIG,
};
use crate::ports::{Alias, FunctionConfig, FunctionVersion, Functions, Invoked, Readiness, Tags};
use sluice_model::{Class, CodeRef, PortResult, Target};

/// What ill code says of itself.
pub(super) const ILL: &str = "it is <ill> & `tired`";
const LATEST: &str = "$LATEST";
const STALE: &str = "PreconditionFailedException";
const BUSY: &str = "ResourceConflictException";
const GONE: &str = "ResourceNotFoundException";

/// A function with all that hangs on it.
#[derive(Clone)]
pub(crate) struct FunctionState {
    arn: String,
    tags: Tags,
    made: Instant,
    changes: u64,
    /// The number of the version that was published last: no number is given twice.
    published: u64,
    latest: VersionState,
    pub(super) versions: Vec<VersionState>,
    pub(super) aliases: BTreeMap<String, AliasState>,
}

/// `$LATEST`, or a version.
#[derive(Clone)]
pub(crate) struct VersionState {
    pub(super) number: String,
    pub(super) config: FunctionConfig,
    pub(super) sha256: String,
    pub(super) code: Bytes,
    changed: Instant,
    revision: u64,
}

/// An alias with its resource policy: source ARN by statement id.
#[derive(Clone)]
pub(crate) struct AliasState {
    pub(super) version: String,
    /// What part of the calls goes elsewhere.
    pub(super) weights: BTreeMap<String, u32>,
    pub(super) statements: BTreeMap<String, String>,
    pub(super) revision: u64,
    /// Where it pointed before, and when it was moved from there.
    moved: Option<(String, Instant)>,
}

impl AliasState {
    /// One that nobody may call.
    pub(super) fn at(version: &str) -> Self {
        let (weights, statements) = (BTreeMap::new(), BTreeMap::new());
        Self { version: version.to_owned(), weights, statements, revision: 1, moved: None }
    }
}

impl FunctionState {
    /// One of which nothing but its aliases matters.
    pub(super) fn bare(arn: String, aliases: BTreeMap<String, AliasState>, now: Instant) -> Self {
        let config = FunctionConfig {
            runtime: String::new(),
            handler: String::new(),
            role: String::new(),
            memory: 128,
            timeout: 3,
            architecture: String::new(),
            environment: BTreeMap::new(),
        };
        let (sha256, code) = (String::new(), Bytes::new());
        let latest = VersionState { number: LATEST.into(), config, sha256, code, changed: now, revision: 0 };
        let tags = Tags::new();
        Self { arn, tags, made: now, changes: 0, published: 0, latest, versions: vec![], aliases }
    }

    /// One without aliases: a version of it names one role, and `$LATEST` another.
    pub(super) fn unreleased(arn: String, published: &str, latest: &str, now: Instant) -> Self {
        let mut made = Self::bare(arn, BTreeMap::new(), now);
        let role = |role: &str| FunctionConfig { role: role.to_owned(), ..made.latest.config.clone() };
        let (published, latest) = (role(published), role(latest));
        made.versions.push(VersionState { number: "1".into(), config: published, ..made.latest.clone() });
        made.latest.config = latest;
        made.published = 1;
        made
    }

    /// A version that no alias points to, with that role or one of its own; gives the role.
    pub(super) fn leave_version(&mut self, role: Option<&str>) -> String {
        let newest = self.versions.last().expect("a version").clone();
        self.published += 1;
        let number = self.published;
        let role =
            role.map_or_else(|| format!("{}-left{number}", newest.config.role), |role| role.to_owned());
        let config = FunctionConfig { role: role.clone(), ..newest.config.clone() };
        self.versions.push(VersionState { number: number.to_string(), config, ..newest });
        role
    }

    /// `$LATEST` gets another revision, and nothing else changes.
    pub(super) fn revise(&mut self) {
        self.latest.revision = self.change();
    }

    /// The next revision of anything about it.
    pub(super) fn change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }
}

impl State {
    /// Whether a version answers nobody as it should: its code says so, or all are ill.
    pub(super) fn is_ill(&self, version: &VersionState) -> bool {
        self.climate.ill || version.code.ends_with(b" ill")
    }

    /// The version that answers for an alias.
    pub(super) fn answering(&self, function: &str, alias: &str) -> Option<&VersionState> {
        let found = self.functions.get(function)?;
        let alias = found.aliases.get(alias)?;
        let late =
            alias.moved.as_ref().filter(|(_, when)| self.now.duration_since(*when) < self.climate.late);
        let at = late.map_or(&alias.version, |(before, _)| before);
        found.versions.iter().find(|version| version.number == *at)
    }

    fn is_applied(&self, version: &VersionState) -> bool {
        self.now.duration_since(version.changed) >= self.climate.applies
    }

    /// The revision changes with the change, and once more when it is applied.
    fn revision(&self, version: &VersionState) -> String {
        let applied = if self.is_applied(version) { "" } else { "-pending" };
        format!("rev-{}{applied}", version.revision)
    }

    fn version(&self, function: &FunctionState, version: &VersionState) -> FunctionVersion {
        FunctionVersion {
            version: version.number.clone(),
            arn: format!("{}:{}", function.arn, version.number),
            code_sha256: version.sha256.clone(),
            config: version.config.clone(),
            revision: self.revision(version),
            readiness: if self.is_applied(version) { Readiness::Ready } else { Readiness::Pending },
        }
    }

    fn alias(function: &FunctionState, name: &str, alias: &AliasState) -> Alias {
        Alias {
            name: name.to_owned(),
            arn: format!("{}:{name}", function.arn),
            version: alias.version.clone(),
            weights: alias.weights.clone(),
            revision: format!("alias-{}", alias.revision),
        }
    }

    /// A function whose `$LATEST` may be changed by who saw that revision.
    fn writable(&self, call: &'static str, name: &str, revision: &str) -> PortResult<&FunctionState> {
        let Some(function) = self.functions.get(name) else { return refuse(call, Class::Absent, GONE) };
        if !self.is_applied(&function.latest) {
            return refuse(call, Class::Busy, BUSY);
        }
        if self.revision(&function.latest) != revision {
            return refuse(call, Class::Precondition, STALE);
        }
        Ok(function)
    }

    /// Publishes `$LATEST`, unless the newest version is equal.
    fn publish(&mut self, call: &'static str, name: &str) -> PortResult<Made<FunctionVersion>> {
        let now = self.now;
        let Some(function) = self.functions.get_mut(name) else { return refuse(call, Class::Absent, GONE) };
        let revision = function.change();
        let latest = &function.latest;
        let newest = function.versions.last();
        let same =
            newest.is_some_and(|newest| newest.config == latest.config && newest.sha256 == latest.sha256);
        if !same {
            let number = function.published + 1;
            let made = VersionState { number: number.to_string(), changed: now, revision, ..latest.clone() };
            function.published = number;
            function.versions.push(made);
            function.latest.revision = revision;
        }
        match self.functions.get(name).and_then(|function| Some((function, function.versions.last()?))) {
            None => refuse(call, Class::Absent, GONE),
            Some((function, version)) if same => Ok(Made::Same(self.version(function, version))),
            Some((function, version)) => Ok(Made::New(self.version(function, version))),
        }
    }

    fn alias_of(&mut self, call: &'static str, function: &str, alias: &str) -> PortResult<&mut AliasState> {
        match self.functions.get_mut(function).and_then(|found| found.aliases.get_mut(alias)) {
            Some(alias) => Ok(alias),
            None => refuse(call, Class::Absent, GONE),
        }
    }
}

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
        self.look("lambda:GetFunctionConfiguration", &format!("{function}:{version}"), |state| {
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
        code: &CodeRef,
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
            let Some(content) = state.code(code) else {
                return refuse(call, Class::Invalid, "InvalidParameterValueException");
            };
            let latest = VersionState {
                number: LATEST.into(),
                config: config.clone(),
                sha256: app::digest(&content),
                code: content,
                changed: state.now,
                revision: 0,
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
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = UPDATE_CONFIG.call;
        let subject = format!("{function} {}", serde_json::to_string(config).unwrap_or_default());
        self.change(call, &subject, |state| {
            let before = state.writable(call, function, revision)?.latest.config.clone();
            if !state.is_assumable(&config.role) {
                return refuse(call, Class::Busy, "InvalidParameterValueException");
            }
            // The architecture goes with the code.
            let config = FunctionConfig { architecture: before.architecture.clone(), ..config.clone() };
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
        code: &CodeRef,
        architecture: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion> {
        let call = UPDATE_CODE.call;
        self.change(call, &format!("{function} {} after {revision}", code.sha256), |state| {
            state.writable(call, function, revision)?;
            let Some(content) = state.code(code) else {
                return refuse(call, Class::Invalid, "InvalidParameterValueException");
            };
            let now = state.now;
            if let Some(found) = state.functions.get_mut(function) {
                let next = found.change();
                let latest = &mut found.latest;
                (latest.sha256, latest.changed, latest.revision) = (app::digest(&content), now, next);
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

    async fn permissions(&self, _: &Target, function: &str, alias: &str) -> PortResult<Vec<String>> {
        self.look("lambda:GetPolicy", &format!("{function}:{alias}"), |state| {
            let found = state.functions.get(function).and_then(|found| found.aliases.get(alias));
            Ok(found.map(|alias| alias.statements.keys().cloned().collect()).unwrap_or_default())
        })
        .await
    }

    async fn permit_api(
        &self,
        _: &Target,
        function: &str,
        alias: &str,
        statement: &str,
        source_arn: &str,
    ) -> PortResult<()> {
        let call = PERMIT_API.call;
        self.change(call, &format!("{function}:{alias} {statement}"), |state| {
            let next = state.functions.get_mut(function).map_or(0, FunctionState::change);
            let found = state.alias_of(call, function, alias)?;
            if found.statements.contains_key(statement) {
                return refuse(call, Class::Conflict, BUSY);
            }
            found.statements.insert(statement.to_owned(), source_arn.to_owned());
            // The policy hangs on the alias, whose revision changes with it.
            found.revision = next;
            Ok(Made::New(()))
        })
        .await
    }

    async fn forbid_api(&self, _: &Target, function: &str, alias: &str, statement: &str) -> PortResult<()> {
        self.change(REMOVE_PERMISSION.call, &format!("{function}:{alias} {statement}"), |state| {
            let next = state.functions.get_mut(function).map_or(0, FunctionState::change);
            let found = state.functions.get_mut(function).and_then(|found| found.aliases.get_mut(alias));
            let Some(found) = found else { return Ok(Made::Same(())) };
            if found.statements.remove(statement).is_none() {
                return Ok(Made::Same(()));
            }
            found.revision = next;
            Ok(Made::New(()))
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
            let error = state.is_ill(version).then(|| format!("Unhandled: {ILL}"));
            // It leaves nothing in this account.
            Ok(Made::Same(Invoked { version: Some(version.number.clone()), error }))
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
