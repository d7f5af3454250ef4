//! Stages of HTTP APIs in URLs and ARNs. Sluice's HTTP APIs use `$default`, which has no segment in a URL; the template's own stage
//! would be an address where nothing answers. REST APIs keep the template's stage.

use std::collections::BTreeSet;

use super::super::classify::{Part, Split, kinds};
use super::super::evaluate::Evaluator;
use super::super::partial::Attribute;
use super::direct::DirectValues;

const DEFAULT: &str = "$default";

/// A direct HTTP API.
struct HttpApi {
    id: String,
    /// The names of its stages in the template.
    stages: BTreeSet<String>,
}

/// The HTTP APIs of a stage.
pub(super) struct ApiStages(Vec<HttpApi>);

/// The name of a stage of an API that Sluice creates.
pub(super) fn stage_name(evaluator: &Evaluator<'_>, logical_id: &str) -> Option<String> {
    let resource = evaluator.template.resources.get(logical_id)?;
    if resource.kind.starts_with("AWS::ApiGatewayV2::") {
        return Some(DEFAULT.to_owned());
    }
    written_name(evaluator, logical_id)
}

fn written_name(evaluator: &Evaluator<'_>, logical_id: &str) -> Option<String> {
    let resource = evaluator.template.resources.get(logical_id)?;
    let name = evaluator.evaluate(resource.properties.get("StageName")?).ok()??;
    name.known_str().map(str::to_owned)
}

impl ApiStages {
    pub(super) fn of(evaluator: &Evaluator<'_>, split: &Split, direct: &DirectValues) -> Self {
        let mut all = Vec::new();
        for (id, placement) in &split.placements {
            let kind = evaluator.template.resources.get(id).map(|resource| resource.kind.as_str());
            if placement.part != Part::Api || kind != Some(kinds::HTTP_API) {
                continue;
            }
            let own = |part: &Part| matches!(part, Part::ApiStage(api) if api == id);
            let stages = split.placements.iter().filter(|(_, placement)| own(&placement.part));
            let names = stages.filter_map(|(stage, _)| written_name(evaluator, stage));
            let names = names.chain([DEFAULT.to_owned()]).collect();
            let known = direct.get(id, &Attribute::Ref).and_then(|id| id.as_str()).map(str::to_owned);
            all.extend(known.map(|id| HttpApi { id, stages: names }));
        }
        Self(all)
    }

    /// The text with the stages that Sluice's APIs have.
    pub(super) fn in_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for api in &self.0 {
            text = api.in_urls(&text);
            text = api.in_arns(&text);
        }
        text
    }
}

impl HttpApi {
    /// `https://ID.execute-api.REGION.amazonaws.com/STAGE/path`: the stage goes.
    fn in_urls(&self, text: &str) -> String {
        let host = format!("{}.execute-api.", self.id);
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(&host) {
            out.push_str(before);
            out.push_str(&host);
            let end = after
                .find(|sign: char| !(sign.is_ascii_alphanumeric() || "-.".contains(sign)))
                .unwrap_or(after.len());
            let (domain, path) = after.split_at_checked(end).unwrap_or((after, ""));
            out.push_str(domain);
            rest = self.without_stage(path).unwrap_or(path);
        }
        out + rest
    }

    /// What is after `/STAGE`, if the path begins with a stage of this API.
    fn without_stage<'t>(&self, path: &'t str) -> Option<&'t str> {
        let path = path.strip_prefix('/')?;
        let end = path.find(['/', '?', '#', '"', '\'', ' ', ',']).unwrap_or(path.len());
        let (segment, after) = path.split_at_checked(end)?;
        self.stages.contains(segment).then_some(after)
    }

    /// `arn:aws:execute-api:REGION:ACCOUNT:ID/STAGE/…`: the stage is `$default`.
    fn in_arns(&self, text: &str) -> String {
        let id = format!(":{}/", self.id);
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(&id) {
            out.push_str(before);
            out.push_str(&id);
            rest = after;
            let end = after.find(['/', '"', '\'', ' ', ',']).unwrap_or(after.len());
            let (segment, behind) = after.split_at_checked(end).unwrap_or((after, ""));
            if before.contains(":execute-api:") && self.stages.contains(segment) {
                out.push_str(DEFAULT);
                rest = behind;
            }
        }
        out + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_goes_from_urls_and_is_the_default_in_arns() {
        let api = HttpApi { id: "abc123".into(), stages: ["Prod".into(), DEFAULT.into()].into() };
        let stages = ApiStages(vec![api]);
        for (text, expected) in [
            (
                "https://abc123.execute-api.eu-central-1.amazonaws.com/Prod/hello",
                "https://abc123.execute-api.eu-central-1.amazonaws.com/hello",
            ),
            (
                "https://abc123.execute-api.eu-central-1.amazonaws.com/Prod",
                "https://abc123.execute-api.eu-central-1.amazonaws.com",
            ),
            (
                "https://abc123.execute-api.eu-central-1.amazonaws.com/$default/",
                "https://abc123.execute-api.eu-central-1.amazonaws.com/",
            ),
            (
                "https://abc123.execute-api.eu-central-1.amazonaws.com/Products",
                "https://abc123.execute-api.eu-central-1.amazonaws.com/Products",
            ),
            (
                "https://other1.execute-api.eu-central-1.amazonaws.com/Prod",
                "https://other1.execute-api.eu-central-1.amazonaws.com/Prod",
            ),
            (
                "arn:aws:execute-api:eu-central-1:123456789012:abc123/Prod/GET/x",
                "arn:aws:execute-api:eu-central-1:123456789012:abc123/$default/GET/x",
            ),
            (
                "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/GET/x",
                "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/GET/x",
            ),
        ] {
            assert_eq!(stages.in_text(text), expected);
        }
    }
}
