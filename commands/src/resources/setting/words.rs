//! The settings of functions in words, and the `aws` lines that set them.

use serde_json::Value;

use crate::ports::SeparateSetting;
use crate::resources::own::shell_line;
use sluice_model::Target;

/// What people call it.
pub(crate) fn name(setting: SeparateSetting) -> &'static str {
    match setting {
        SeparateSetting::CodeSigningConfigArn => "code signing",
        SeparateSetting::FunctionScalingConfig => "scaling",
        SeparateSetting::RecursiveLoop => "recursive loops",
        SeparateSetting::ReservedConcurrentExecutions => "reserved concurrency",
        SeparateSetting::RuntimeManagementConfig => "runtime updates",
    }
}

/// A value; `None` is Lambda's default. ARNs are cut to their last part: they hold the account. The author of a template may write anything
/// here, so what no valid value has is left out.
pub(crate) fn value(setting: SeparateSetting, value: Option<&Value>) -> String {
    let is_plain = |sign: &char| sign.is_ascii_alphanumeric() || " -_.".contains(*sign);
    in_words(setting, value).chars().filter(is_plain).collect()
}

fn in_words(setting: SeparateSetting, value: Option<&Value>) -> String {
    let last =
        |value: &Value| value.as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or("?").to_owned();
    let Some(value) = value else {
        let default = match setting {
            SeparateSetting::CodeSigningConfigArn | SeparateSetting::ReservedConcurrentExecutions => "none",
            SeparateSetting::FunctionScalingConfig => "default",
            SeparateSetting::RecursiveLoop => "stopped",
            SeparateSetting::RuntimeManagementConfig => "automatic",
        };
        return default.to_owned();
    };
    match setting {
        SeparateSetting::CodeSigningConfigArn => last(value),
        SeparateSetting::RecursiveLoop if value == "Allow" => "allowed".to_owned(),
        SeparateSetting::FunctionScalingConfig => {
            let of = |member: &str| value.get(member).map_or("default".to_owned(), Value::to_string);
            format!("{} to {}", of("MinExecutionEnvironments"), of("MaxExecutionEnvironments"))
        }
        SeparateSetting::RuntimeManagementConfig => {
            match (value.get("UpdateRuntimeOn").and_then(Value::as_str), value.get("RuntimeVersionArn")) {
                (Some("FunctionUpdate"), _) => "with each release".to_owned(),
                (_, Some(runtime)) => {
                    format!("pinned to {}", last(runtime).chars().take(8).collect::<String>())
                }
                (mode, None) => mode.unwrap_or("?").to_owned(),
            }
        }
        SeparateSetting::ReservedConcurrentExecutions | SeparateSetting::RecursiveLoop => {
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        }
    }
}

/// The `aws` line that sets a value by hand; `None` if the line would hold an ARN, which names the account.
pub(super) fn line(
    target: &Target,
    function: &str,
    setting: SeparateSetting,
    value: Option<&Value>,
) -> Option<String> {
    let number = value.map(Value::to_string).unwrap_or_default();
    let words: Vec<&str> = match (setting, value) {
        (SeparateSetting::ReservedConcurrentExecutions, None) => vec!["delete-function-concurrency"],
        (SeparateSetting::ReservedConcurrentExecutions, Some(_)) => {
            vec!["put-function-concurrency", "--reserved-concurrent-executions", &number]
        }
        (SeparateSetting::RecursiveLoop, value) => {
            let word = value.and_then(Value::as_str).unwrap_or("Terminate");
            vec!["put-function-recursion-config", "--recursive-loop", word]
        }
        (SeparateSetting::CodeSigningConfigArn, None) => vec!["delete-function-code-signing-config"],
        _ => return None,
    };
    let (verb, rest) = words.split_first()?;
    let mut all = vec!["aws", "lambda", *verb, "--function-name", function];
    all.extend(rest);
    all.extend(["--region", &target.region]);
    Some(shell_line(&all))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::target;

    #[test]
    fn values_are_words_without_accounts() {
        let arn = "arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b";
        let runtime = json!({ "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:aws:lambda:eu-central-1::runtime:07a48df201798d627f2b950f03bb227aab4a655a1d019c3296406f95937e2525" });
        let table = [
            (SeparateSetting::ReservedConcurrentExecutions, Some(json!(5)), "5"),
            (SeparateSetting::ReservedConcurrentExecutions, None, "none"),
            (SeparateSetting::RecursiveLoop, Some(json!("Allow")), "allowed"),
            (SeparateSetting::RecursiveLoop, None, "stopped"),
            (SeparateSetting::RecursiveLoop, Some(json!("`<@U0ANN>`")), "U0ANN"),
            (SeparateSetting::CodeSigningConfigArn, Some(json!(arn)), "csc-0f6c334abcdea4d8b"),
            (SeparateSetting::RuntimeManagementConfig, Some(runtime), "pinned to 07a48df2"),
            (
                SeparateSetting::RuntimeManagementConfig,
                Some(json!({ "UpdateRuntimeOn": "FunctionUpdate" })),
                "with each release",
            ),
            (
                SeparateSetting::FunctionScalingConfig,
                Some(json!({ "MinExecutionEnvironments": 3 })),
                "3 to default",
            ),
        ];
        for (setting, given, expected) in table {
            assert_eq!(value(setting, given.as_ref()), expected);
        }
    }

    #[test]
    fn a_line_sets_the_value_and_holds_no_account() {
        let line = |setting, value: Option<Value>| line(&target(), "f", setting, value.as_ref());
        assert_eq!(
            line(SeparateSetting::ReservedConcurrentExecutions, Some(json!(5))).unwrap(),
            "aws lambda put-function-concurrency --function-name f --reserved-concurrent-executions 5 --region eu-central-1"
        );
        assert_eq!(
            line(SeparateSetting::RecursiveLoop, None).unwrap(),
            "aws lambda put-function-recursion-config --function-name f --recursive-loop Terminate --region eu-central-1"
        );
        assert_eq!(line(SeparateSetting::CodeSigningConfigArn, Some(json!("arn:x"))), None);
    }
}
