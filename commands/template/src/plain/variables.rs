//! The rules of Lambda for environment variables
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>).

use crate::error::{TemplateCode, Violation};

/// Lambda's limit for the names and values of a function's variables together.
pub(super) const ENVIRONMENT_BYTES: usize = 4_096;

/// Variables that Lambda sets itself; it refuses other values.
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Whether Lambda accepts a variable of that name.
pub(super) fn variable_name(name: &str) -> Result<(), Violation> {
    let mut bytes = name.bytes();
    let good = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.len() >= 2
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if RESERVED.contains(&name) {
        let problem = format!("Lambda sets the variable {name} itself");
        return Err(Violation::new(TemplateCode::Value, problem, "choose another name"));
    }
    if !good {
        let problem = format!("`{name}` is not a name for an environment variable");
        let hint = "use at least two letters, digits or _, and begin with a letter";
        return Err(Violation::new(TemplateCode::Value, problem, hint));
    }
    Ok(())
}
