//! The titles of the steps, in the order of a deploy.

use sluice_model::Text;

pub(super) const CREATE_API: &str = "Create API";
pub(super) const DEPLOY_API: &str = "Create API deployment";

pub(super) fn create_role(subject: &str) -> Text {
    Text::plain("Create role of ").code(subject)
}
pub(super) fn create_function(function: &str) -> Text {
    Text::plain("Create function ").code(function)
}
pub(super) fn update_configuration(function: &str) -> Text {
    Text::plain("Update configuration of ").code(function)
}
pub(super) fn publish_version(function: &str) -> Text {
    Text::plain("Publish version of ").code(function)
}
pub(super) fn create_integration(function: &str) -> Text {
    Text::plain("Create integration of ").code(function)
}
/// `verb`: "Create", "Update" or "Delete".
pub(super) fn change_route(verb: &str, key: &str) -> Text {
    Text::plain(format!("{verb} route ")).code(key)
}
pub(super) fn move_alias(function: &str, stage: &str, version: &str, is_new: bool) -> Text {
    let verb = if is_new { "Create" } else { "Move" };
    let text = Text::plain(format!("{verb} alias ")).code(stage).then(" of ").code(function);
    text.then(format!("{} version {version}", if is_new { " at" } else { " to" }))
}
pub(super) fn permit_api(function: &str, stage: &str) -> Text {
    Text::plain("Allow API to call alias ").code(stage).then(" of ").code(function)
}
pub(super) fn serve_deployment(stage: &str) -> Text {
    Text::plain("Deploy API to stage ").code(stage)
}
