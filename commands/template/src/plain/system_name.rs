//! The names of parameters of Systems Manager.

use sluice_model::{PipelineName, StageName};

/// The most characters of a name, those of its ARN included
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>).
const LONGEST: usize = 2_048;
/// The signs of names beside letters and digits
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>).
const SIGNS: &str = "._-/";
/// The colons of an ARN before the name of its resource.
const COLONS: usize = 5;

/// A name that a template writes, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SystemName<'a> {
    /// The name or the ARN of the parameter.
    pub(super) name: &'a str,
    /// The name without what is before it in an ARN, with a slash before each of its parts.
    path: &'a str,
    /// The number of its version.
    pub(super) version: Option<u64>,
}

impl<'a> SystemName<'a> {
    /// Takes apart `/orders/table`, `/orders/table:3` or an ARN with or without a version.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() || text.len() > LONGEST {
            return Err("it is empty or too long");
        }
        let start = if text.starts_with("arn:") {
            let end = text.match_indices(':').nth(COLONS - 1).map(|(at, _)| at + 1);
            end.ok_or("it is no complete ARN")?
        } else {
            0
        };
        let (name, version) = match text.get(start..).unwrap_or_default().split_once(':') {
            None => (text, None),
            Some((own, version)) => {
                let number = version.parse().ok().filter(|number| *number > 0);
                let number = number.ok_or("only the number of a version may follow a colon, and no label")?;
                (text.get(..start + own.len()).unwrap_or_default(), Some(number))
            }
        };
        let own = name.get(start..).unwrap_or_default();
        let path = if start == 0 {
            own
        } else {
            own.strip_prefix("parameter").ok_or("the ARN is of something else")?
        };
        let fits = |sign: char| sign.is_ascii_alphanumeric() || SIGNS.contains(sign);
        if path.is_empty() || !path.chars().all(fits) {
            return Err("it has other signs than letters, digits, `.`, `-`, `_` and `/`");
        }
        if path.contains("//") || path.ends_with('/') || (path.contains('/') && !path.starts_with('/')) {
            return Err("a name with slashes begins with one, and none is empty between two");
        }
        Ok(Self { name, path, version })
    }

    /// Whether a stage may read it: not what Sluice keeps for itself and for other stages, below `/sluice/`.
    pub(super) fn is_open_to(&self, pipeline: &PipelineName, stage: &StageName) -> bool {
        let mut parts = self.path.trim_start_matches('/').split('/');
        // Systems Manager compares names with their letter case, but people do not.
        if parts.next().is_none_or(|first| !first.eq_ignore_ascii_case("sluice")) {
            return true;
        }
        parts.next() == Some(pipeline.as_str())
            && parts.next() == Some(stage.as_str())
            && parts.next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter";

    #[test]
    fn a_name_may_have_a_version_and_may_be_an_arn() {
        let parsed = |text| SystemName::parse(text).map(|name| (name.name, name.path, name.version));
        assert_eq!(parsed("/orders/table"), Ok(("/orders/table", "/orders/table", None)));
        assert_eq!(parsed("/orders/table:12"), Ok(("/orders/table", "/orders/table", Some(12))));
        assert_eq!(parsed("table"), Ok(("table", "table", None)));
        let (arn, versioned) = (format!("{ARN}/orders/table"), format!("{ARN}/orders/table:3"));
        assert_eq!(parsed(&arn), Ok((arn.as_str(), "/orders/table", None)));
        assert_eq!(parsed(&versioned), Ok((arn.as_str(), "/orders/table", Some(3))));
    }

    #[test]
    fn what_systems_manager_would_refuse_is_no_name() {
        let long = format!("/{}", "x".repeat(LONGEST));
        let table = [
            "",
            "/a b",
            "/a:",
            "/a:0",
            "/a:-1",
            "/a:latest",
            "/a:1:2",
            "a/b",
            "//a",
            "/a//b",
            "/a/",
            "/ä",
            "/a*",
            "arn:aws:ssm",
            "arn:aws:s3:::bucket",
            "arn:aws:ssm:eu-central-1:123456789012:document/x",
            &long,
        ];
        for name in table {
            assert!(SystemName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_stage_reads_its_own_parameters_of_sluice_and_no_others() {
        let (pipeline, stage) = ("orders".parse().unwrap(), "prod".parse().unwrap());
        let open = |name: &str| SystemName::parse(name).unwrap().is_open_to(&pipeline, &stage);
        for name in [
            "/sluice/orders/prod/TABLE",
            "/sluice/orders/prod/a/b:3",
            "/network/vpc",
            "/aws/service/x",
            "sluicegate",
        ] {
            assert!(open(name), "{name}");
        }
        let arn = format!("{ARN}/sluice/orders/dev/TABLE");
        for name in [
            "/sluice/orders/dev/T",
            "/sluice/shop/prod/T",
            "/sluice/signing-secret",
            "/Sluice/orders/dev/T",
            "sluice",
            &arn,
        ] {
            assert!(!open(name), "{name}");
        }
    }
}
