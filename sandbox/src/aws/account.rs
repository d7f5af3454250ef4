//! The AWS account of a sandbox: its id, its region, its access keys, and ARNs in it.

/// The account id that the local AWS gives to access keys that are not account numbers.
pub const ACCOUNT: &str = "000000000000";
pub const REGION: &str = "us-east-1";
pub const ACCESS_KEY: &str = "AKIASLUICESANDBOX001";
/// The bot's secret access key. It protects nothing: every port is on loopback, and signatures are not verified.
pub const SECRET_KEY: &str = "sandbox-secret-access-key-of-the-bot";
/// The access key that the sandbox runs `sluice init` with.
pub const INIT_KEY: &str = "AKIASLUICEINIT000001";
/// The access key for people at a terminal. It allows everything.
pub const ADMIN_KEY: &str = "AKIASLUICEADMIN00001";
/// The access key for tests that only observe: its calls are not logged, and no rule or fault applies to them.
pub const OBSERVER_KEY: &str = "AKIASLUICESANDBOXEYE";
/// The access key of builds and functions. Their calls are not the bot's, and are not logged.
pub const ROLE_KEY: &str = "ASIASLUICEROLE000001";
/// A session token is this prefix and the role's ARN.
pub const ROLE_TOKEN: &str = "role:";

/// The session token for credentials of a role.
pub fn session_token(role: &str) -> String {
    format!("{ROLE_TOKEN}{role}")
}

pub fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}
