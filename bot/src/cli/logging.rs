//! Logs on standard error, one line of JSON per event. No body, token or signature is logged: libraries that log them at finer
//! levels stay at `info`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging. `filter` is `SLUICE_LOG`, as in `info` or `sluice=debug`; the error says what is wrong with it.
pub(crate) fn start(filter: Option<&str>) -> Result<(), String> {
    let filter = parse(filter.filter(|text| !text.is_empty()).unwrap_or("info"))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| error.to_string())
}

fn parse(text: &str) -> Result<EnvFilter, String> {
    let base = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let kept = text.split(',').filter(|directive| !is_unsafe(directive)).collect::<Vec<_>>().join(",");
    let mut filter =
        base.parse(kept).map_err(|_| "is not a filter, as in `info` or `info,sluice=debug`".to_owned())?;
    for target in ["slack_morphism", "hyper", "hyper_util", "aws_smithy_runtime", "aws_sigv4", "rustls", "h2"]
    {
        let directive = format!("{target}=info").parse().map_err(|_| "is not a filter".to_owned())?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

/// Whether a directive raises the level of a library that sees secrets.
fn is_unsafe(directive: &str) -> bool {
    let target = directive.trim().split(['=', '[']).next().unwrap_or_default();
    ["slack_morphism", "hyper", "aws_", "rustls", "h2"].iter().any(|library| target.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_see_secrets_stay_at_info() {
        for asked in
            ["trace", "slack_morphism=trace", "slack_morphism::hyper_tokio=trace,debug", "slack_morphism"]
        {
            let filter = parse(asked).unwrap().to_string();
            assert!(filter.contains("slack_morphism=info"), "{filter}");
            assert!(!filter.contains("slack_morphism::"), "{filter}");
            assert!(!filter.contains("slack_morphism=trace"), "{filter}");
        }
    }

    #[test]
    fn an_invalid_filter_is_an_error() {
        assert!(parse("sluice=loud=very").is_err());
    }
}
