//! What `sluice secret` refuses.

use sluice_model::Refusal;

pub(super) fn not_ours(parameter: &str) -> Refusal {
    Refusal::new(
        "secret-not-ours",
        format!(
            "The parameter `{parameter}` exists, but it does not have the tags of this stage: somebody else created it."
        ),
        "Choose another key. If the parameter is not needed, delete it in the Systems Manager console, then run the command again.",
    )
}

pub(super) fn empty() -> Refusal {
    Refusal::new(
        "secret-empty",
        "The value is empty.",
        "Type a value, or send one to standard input. To remove a secret, use `sluice secret delete`.",
    )
}

pub(super) fn too_large(bytes: usize, most: usize) -> Refusal {
    Refusal::new(
        "secret-too-large",
        format!("The value has {bytes} bytes. Systems Manager takes {most}."),
        "Split it into several secrets, or keep it in Secrets Manager or in an encrypted object in S3.",
    )
}
