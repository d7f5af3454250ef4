//! Functions' configurations as JSON: what versions freeze, revisions, ARNs, and weights of aliases.

use serde_json::Value;

/// Changes the revision of `$LATEST` while an update is in progress, because it changes once more when the update settles.
pub fn unsettle(config: &mut Value) {
    let busy = config["LastUpdateStatus"] == "InProgress" || config["State"] == "Pending";
    if !busy || config["Version"] != "$LATEST" {
        return;
    }
    if let Some(revision) = config["RevisionId"].as_str() {
        // Replaces each character of the last group: deterministic, and never equal to the original.
        let (head, tail) = revision.rsplit_once('-').unwrap_or(("", revision));
        let turned: String = tail.chars().map(|c| if c.is_ascii_digit() { 'e' } else { '7' }).collect();
        config["RevisionId"] = format!("{head}-{turned}").into();
    }
}

/// The part that a version freezes: everything except its own name and the state of updates.
pub fn frozen(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(fields) = config.as_object_mut() {
        fields.retain(|field, _| {
            let own = ["Version", "FunctionArn", "RevisionId", "LastModified", "MasterArn"];
            !own.contains(&field.as_str())
                && !field.starts_with("State")
                && !field.starts_with("LastUpdateStatus")
        });
    }
    // `Off` for `$LATEST`, whatever its versions have.
    if let Some(snap_start) = config.get_mut("SnapStart").and_then(Value::as_object_mut) {
        snap_start.remove("OptimizationStatus");
    }
    config
}

/// Adds the version to a version's ARN.
pub fn qualify(config: &mut Value) {
    let (Some(arn), Some(version)) = (config["FunctionArn"].as_str(), config["Version"].as_str()) else {
        return;
    };
    if version != "$LATEST" && arn.split(':').count() == 7 {
        config["FunctionArn"] = format!("{arn}:{version}").into();
    }
}

/// The version that an alias points to, chosen by its weights and a random number between 0 and 1.
pub fn weighted_version(alias: &Value, random: f64) -> Option<String> {
    let mut left = random;
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
    for (version, weight) in weights.into_iter().flatten() {
        let weight = weight.as_f64().unwrap_or(0.0);
        if left < weight {
            return Some(version.clone());
        }
        left -= weight;
    }
    alias["FunctionVersion"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_by_what_they_freeze() {
        let one = json!({"Version": "1", "CodeSha256": "a", "State": "Active", "RevisionId": "x"});
        let latest = json!({"Version": "$LATEST", "CodeSha256": "a", "State": "Pending", "RevisionId": "y"});
        assert_eq!(frozen(&one), frozen(&latest));
        assert_ne!(frozen(&one), frozen(&json!({"CodeSha256": "b"})));
        let snap = |status: &str| json!({"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": status}});
        assert_eq!(frozen(&snap("On")), frozen(&snap("Off")));
        assert_ne!(frozen(&json!({"Description": "a"})), frozen(&json!({"Description": "b"})));
    }

    #[test]
    fn an_update_in_progress_shows_another_revision() {
        let config =
            |status: &str| json!({"Version": "$LATEST", "LastUpdateStatus": status, "RevisionId": "a-b1"});
        let seen = |status: &str| {
            let mut config = config(status);
            unsettle(&mut config);
            config["RevisionId"].clone()
        };
        assert_eq!(seen("Successful"), "a-b1");
        assert_ne!(seen("InProgress"), "a-b1");
        assert_eq!(seen("InProgress"), seen("InProgress"));
    }

    #[test]
    fn a_versions_arn_has_its_number_once() {
        let mut config = json!({"Version": "3", "FunctionArn": "arn:aws:lambda:r:a:function:f"});
        qualify(&mut config);
        qualify(&mut config);
        assert_eq!(config["FunctionArn"], "arn:aws:lambda:r:a:function:f:3");
    }

    #[test]
    fn alias_weights_split_the_traffic() {
        let alias =
            json!({"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.25}}});
        assert_eq!(weighted_version(&alias, 0.1).unwrap(), "2");
        assert_eq!(weighted_version(&alias, 0.25).unwrap(), "1");
        assert_eq!(weighted_version(&json!({"FunctionVersion": "7"}), 0.0).unwrap(), "7");
        assert_eq!(weighted_version(&json!({"message": "no such alias"}), 0.5), None);
    }
}
