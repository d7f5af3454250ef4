//! What a release changes about functions.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ports::SeparateSetting;
use crate::resources::describe::{Change, Line, WORD, compared, listed, short};
use crate::resources::setting::words;
use sluice_model::{ImageUri, PinnedCode};
use sluice_template::{AppFunction, AppLayer, AppLayerRef, Application};

/// First the functions whose rights change, then the other functions that change, then those that are removed.
pub(super) fn lines(change: &Change) -> Vec<Line> {
    let mut whats: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
    for (name, function) in &change.now.functions {
        let has_new_rights = change.added_rights.contains_key(name.as_str());
        for what in of_function(change, name, function) {
            whats.entry((!has_new_rights, what)).or_default().push(name);
        }
    }
    let gone = gone(change);
    let lines = whats.iter().map(|((_, what), names)| Line::of(names, what.clone(), false));
    lines.chain((!gone.is_empty()).then(|| Line::of(&gone, "removed".to_owned(), false))).collect()
}

/// How many functions change.
pub(crate) fn count_changed(change: &Change) -> usize {
    let changes = |(name, now): &(&String, &AppFunction)| !of_function(change, name, now).is_empty();
    change.now.functions.iter().filter(changes).count() + gone(change).len()
}

/// The first digits of an image's digest, as Docker abbreviates it.
fn abbreviated(image: &ImageUri) -> &str {
    image.digest().get(..12).unwrap_or_default()
}

fn gone<'a>(change: &Change<'a>) -> Vec<&'a str> {
    let before = change.before.iter().flat_map(|before| before.functions.keys());
    before.map(String::as_str).filter(|name| !change.now.functions.contains_key(*name)).collect()
}

/// The layers of a function: each as its ARN, or as what its version is made of.
fn layers<'a>(of: &Application, function: &'a AppFunction) -> Vec<(Option<&'a str>, Option<AppLayer>)> {
    let layer = |layer: &'a AppLayerRef| match layer {
        AppLayerRef::Arn(arn) => (Some(arn.as_str()), None),
        AppLayerRef::Own { layer } => {
            let mut own = of.layers.get(layer).cloned();
            // The build may have stored the same content elsewhere.
            if let Some(own) = &mut own {
                (own.content.key, own.content.version) = Default::default();
            }
            (None, own)
        }
    };
    function.layers.iter().map(layer).collect()
}

/// What changes about a function except its additional rights, on as many lines as necessary.
fn of_function(change: &Change, name: &str, now: &AppFunction) -> Vec<String> {
    let Some(before) = change.function_before(name) else { return vec!["new".to_owned()] };
    let mut parts = vec![];
    if before.code.sha256() != now.code.sha256() {
        parts.push(match (&before.code, &now.code) {
            (PinnedCode::Image { image: before }, PinnedCode::Image { image: now }) => {
                format!("image {} → {}", abbreviated(before), abbreviated(now))
            }
            _ => "code".to_owned(),
        });
    }
    let mut set = |what: &str, before: String, now: String| {
        if before != now {
            parts.push(format!("{what} {} → {}", short(&before, 2 * WORD), short(&now, 2 * WORD)));
        }
    };
    set("memory (MB)", before.memory.to_string(), now.memory.to_string());
    set("timeout (s)", before.timeout.to_string(), now.timeout.to_string());
    let in_code = |value: &Option<String>| value.clone().unwrap_or_else(|| "of the image".to_owned());
    set("runtime", in_code(&before.runtime), in_code(&now.runtime));
    set("handler", in_code(&before.handler), in_code(&now.handler));
    set("architecture", before.architecture.clone(), now.architecture.clone());
    for setting in SeparateSetting::ALL {
        let value = |of: &AppFunction| {
            let value = of.separate.get(setting.name()).cloned().and_then(|value| setting.normalised(value));
            words::value(setting, value.as_ref())
        };
        set(words::name(setting), value(before), value(now));
    }
    if before.rights != now.rights {
        parts.push("permissions".to_owned());
    }
    if before.description != now.description {
        parts.push("description".to_owned());
    }
    if change.before.map(|of| layers(of, before)) != Some(layers(change.now, now)) {
        parts.push("layers".to_owned());
    }
    fn settings(function: &AppFunction) -> BTreeMap<&str, &Value> {
        let all = function.settings.iter().chain(&function.at_creation);
        all.map(|(name, value)| (name.as_str(), value)).collect()
    }
    let settings = compared(&settings(before), &settings(now), "changed");
    parts.extend(settings.into_iter().map(|(name, what)| format!("{name} {what}")));
    fn variables(function: &AppFunction) -> BTreeMap<&str, &String> {
        function.environment.iter().map(|(name, value)| (name.as_str(), value)).collect()
    }
    let mut differ = listed("variables", &compared(&variables(before), &variables(now), "changed"));
    if !differ.is_empty() {
        parts.push(differ.remove(0));
    }
    let first = (!parts.is_empty()).then(|| parts.join(", "));
    first.into_iter().chain(differ).collect()
}
