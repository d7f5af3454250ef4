//! Settings of versions that the local AWS does not keep: runtime management, and the scaling of functions on capacity
//! providers. They last until the sandbox ends.

use std::collections::HashMap;

use axum::Json;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The settings by call and ARN.
#[derive(Default)]
pub struct OwnStore(Mutex<HashMap<(&'static str, String), Value>>);

impl OwnStore {
    /// Answers a call about the version with that configuration. The error is Lambda's message.
    pub fn answer(&self, method: &str, config: &Value, request: &Value) -> Result<Json<Value>, String> {
        let arn = config["FunctionArn"].clone();
        let key = |kind| (kind, arn.as_str().unwrap_or_default().to_owned());
        let mut kept = self.0.lock();
        let answer = match method {
            "PutRuntimeManagementConfig" => {
                let mode = request["UpdateRuntimeOn"].as_str().unwrap_or_default();
                if !["Auto", "FunctionUpdate", "Manual"].contains(&mode) {
                    return Err(format!("`{mode}` is no value of UpdateRuntimeOn"));
                }
                if (mode == "Manual") != request["RuntimeVersionArn"].is_string() {
                    return Err("RuntimeVersionArn is required for Manual, and only for it".to_owned());
                }
                let value = json!({
                    "FunctionArn": arn, "UpdateRuntimeOn": mode, "RuntimeVersionArn": request["RuntimeVersionArn"],
                });
                kept.insert(key("runtime"), value.clone());
                value
            }
            "GetRuntimeManagementConfig" => {
                let kept = kept.get(&key("runtime")).cloned();
                kept.unwrap_or_else(|| json!({ "FunctionArn": arn, "UpdateRuntimeOn": "Auto" }))
            }
            "PutFunctionScalingConfig" => {
                kept.insert(key("scaling"), request["FunctionScalingConfig"].clone());
                json!({ "FunctionState": config["State"] })
            }
            _ => {
                let value = kept.get(&key("scaling")).cloned().unwrap_or_default();
                json!({
                    "FunctionArn": arn, "AppliedFunctionScalingConfig": value, "RequestedFunctionScalingConfig": value,
                })
            }
        };
        Ok(Json(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_kept_per_version() {
        let store = OwnStore::default();
        let of = |version: &str| json!({ "FunctionArn": format!("arn:f:{version}") });
        let manual = json!({ "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:v" });
        assert!(store.answer("PutRuntimeManagementConfig", &of("1"), &manual).is_ok());
        let mode = |version: &str| {
            let Json(answer) =
                store.answer("GetRuntimeManagementConfig", &of(version), &Value::Null).unwrap();
            answer["UpdateRuntimeOn"].clone()
        };
        assert_eq!((mode("1"), mode("2")), (json!("Manual"), json!("Auto")));
        let incomplete = json!({ "UpdateRuntimeOn": "Manual" });
        assert!(store.answer("PutRuntimeManagementConfig", &of("1"), &incomplete).is_err());
    }
}
