//! What `sluice secret` prints. No text has a value.

use std::fmt::Write as _;
use std::io;

use sluice_commands::ports::ParameterInfo;
use sluice_model::{PipelineName, StageName};

/// The last part of the name of a parameter.
fn key(parameter: &str) -> &str {
    parameter.rsplit('/').next().unwrap_or(parameter)
}

pub(super) fn set(pipeline: &PipelineName, parameter: &str, version: i64) -> String {
    let what = if version > 1 { format!("Replaced (version {version})") } else { "Stored".to_owned() };
    let key = key(parameter);
    let variable: String =
        key.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '_' }).collect();
    format!(
        "{what}: {parameter}\n\n\
         A function reads it by its name, with `ssm:GetParameter` and decryption. In its template:\n\n  \
         Environment:\n    \
         Variables:\n      \
         {variable}_PARAMETER: !Sub /sluice/{pipeline}/${{Stage}}/{key}\n  \
         Policies:\n    \
         - Statement:\n        \
         Effect: Allow\n        \
         Action: ssm:GetParameter\n        \
         Resource: !Sub arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/sluice/{pipeline}/${{Stage}}/{key}\n\n\
         `Stage` is a parameter of the template without a default. A function that runs keeps what it has read until it reads again.\n"
    )
}

pub(super) fn listed(pipeline: &PipelineName, stage: &StageName, found: &[ParameterInfo]) -> String {
    if found.is_empty() {
        return format!(
            "{pipeline} has no secrets on {stage}. Set one with `sluice secret set {pipeline} {stage} KEY --as U024BE7LH`.\n"
        );
    }
    let width = found.iter().map(|info| key(&info.name).len()).max().unwrap_or_default();
    let mut page = String::new();
    for info in found {
        let changed =
            info.changed.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
        let _ = writeln!(
            page,
            "{:width$}  version {:<4} {changed}  {}",
            key(&info.name),
            info.version,
            info.name
        );
    }
    page
}

pub(super) fn deleted(parameter: &str, existed: bool) -> String {
    match existed {
        true => format!(
            "Deleted: {parameter}\nA function that reads it again fails. Systems Manager keeps no copy.\n"
        ),
        false => format!("There is no {parameter}; nothing was deleted.\n"),
    }
}

pub(super) fn unreadable(error: &io::Error) -> String {
    format!(
        "The value cannot be read ({error}). Type it at the prompt, or send it to standard input as UTF-8. Nothing was stored.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_for_the_template_have_the_parameter_s_name_on_every_stage() {
        let text = set(&"orders".parse().unwrap(), "/sluice/orders/prod/db.password", 1);
        assert!(text.starts_with("Stored: /sluice/orders/prod/db.password\n"), "{text}");
        assert!(
            text.contains("      db_password_PARAMETER: !Sub /sluice/orders/${Stage}/db.password\n"),
            "{text}"
        );
        assert!(text.contains(":parameter/sluice/orders/${Stage}/db.password\n"), "{text}");
        assert!(
            set(&"orders".parse().unwrap(), "/sluice/orders/prod/K", 3).starts_with("Replaced (version 3)")
        );
    }

    #[test]
    fn a_list_has_names_and_times() {
        let (name, stage) = ("orders".parse().unwrap(), "prod".parse().unwrap());
        let info = ParameterInfo {
            name: "/sluice/orders/prod/API_KEY".into(),
            version: 2,
            changed: Some("2026-03-01T12:00:00Z".parse().unwrap()),
        };
        let page = listed(&name, &stage, &[info]);
        assert_eq!(page, "API_KEY  version 2    2026-03-01 12:00 UTC  /sluice/orders/prod/API_KEY\n");
        assert!(listed(&name, &stage, &[]).contains("has no secrets"));
    }
}
