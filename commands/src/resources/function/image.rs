//! An image that Lambda may not read. Lambda reads it itself, so not the rights of Sluice decide but the policy of the repository:
//! <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions>. Lambda would add the
//! permission by itself if its caller could set policies of repositories; Sluice cannot, since that would open every repository of the
//! account to it.

use serde_json::json;

use crate::names;
use crate::ports::FunctionCode;
use crate::resources::messages;
use sluice_model::{Class, ImageUri, PipelineName, PortError, Refusal, Target, partition};

/// A part of Lambda's message: "Lambda does not have permission to access the ECR image. Check the ECR permissions."
const SAYS: &str = "permission to access the ecr image";
/// The reason of a version that failed.
const REASON: &str = "ImageAccessDenied";

/// A function and its image.
pub(super) struct OfImage<'a> {
    pub(super) target: &'a Target,
    pub(super) pipeline: &'a PipelineName,
    pub(super) function: &'a str,
    pub(super) code: &'a FunctionCode,
}

impl OfImage<'_> {
    /// The refusal, if a call failed because Lambda may not read the image.
    pub(super) fn denied(&self, error: &PortError) -> Option<Refusal> {
        let is_it = error.class == Class::Denied && error.detail.to_ascii_lowercase().contains(SAYS);
        is_it.then(|| self.unreadable()).flatten()
    }

    /// The refusal for a version that Lambda could not activate, for that reason.
    pub(super) fn failed(&self, reason: &str) -> Refusal {
        let unreadable = (reason == REASON).then(|| self.unreadable()).flatten();
        unreadable.unwrap_or_else(|| messages::function_failed(self.function, reason))
    }

    fn unreadable(&self) -> Option<Refusal> {
        let FunctionCode::Image { uri, .. } = self.code else { return None };
        let image = ImageUri::new(uri)?;
        let policy = repository_policy(self.target, self.pipeline);
        Some(messages::image_unreadable(self.function, image.repository(), &policy))
    }
}

/// The policy with which Lambda may read images of a repository, for functions whose names begin as those of that pipeline do.
/// Sluice itself refuses the image to other pipelines. The policy names no account, because people see it in a channel; Lambda reads an image for another account only if a second statement allows that account.
fn repository_policy(target: &Target, pipeline: &PipelineName) -> String {
    let functions =
        format!("arn:{}:lambda:{}:*:function:sluice-{pipeline}-*", partition(&target.region), target.region);
    names::policy(vec![json!({
        "Sid": "LambdaECRImageRetrievalPolicy", "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": { "StringLike": { "aws:SourceArn": functions } },
    })])
}

/// The refusals of a deploy for an image, for the samples of messages.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn samples(target: &Target, pipeline: &PipelineName) -> [Refusal; 2] {
    let function = format!("sluice-{pipeline}-dev-Hello");
    let policy = repository_policy(target, pipeline);
    [
        messages::image_unreadable(&function, pipeline.as_str(), &policy),
        messages::other_package(&function, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::target;

    #[test]
    fn a_denied_image_shows_the_policy_that_allows_it() {
        let pipeline = "orders".parse().unwrap();
        let uri = format!("{}/orders/api@sha256:{}", target().image_registry(), "0a".repeat(32));
        let image = ImageUri::new(&uri).unwrap();
        let of =
            |code| OfImage { target: &target(), pipeline: &pipeline, function: "f", code }.denied(&denied());
        fn denied() -> PortError {
            let says = "Lambda does not have permission to access the ECR image. Check the ECR permissions.";
            PortError::new("lambda:CreateFunction", Class::Denied, "AccessDeniedException", says)
        }
        let refusal = of(&FunctionCode::from(&image)).unwrap();
        assert!(refusal.hint.contains("set-repository-policy --repository-name orders/api"), "{refusal:?}");
        assert!(refusal.hint.contains(":*:function:sluice-orders-*"), "{refusal:?}");
        assert!(!refusal.hint.contains(&target().account), "{refusal:?}");
        let other =
            PortError::new("lambda:CreateFunction", Class::Denied, "AccessDeniedException", "not authorized");
        let code = FunctionCode::from(&image);
        let of_image = OfImage { target: &target(), pipeline: &pipeline, function: "f", code: &code };
        assert_eq!(of_image.denied(&other), None);
        assert_eq!(of_image.failed("ImageAccessDenied").code, "image-unreadable");
        assert_eq!(of_image.failed("InvalidImage").code, "function-failed");
    }
}
