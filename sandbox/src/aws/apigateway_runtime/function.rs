//! The function that an integration names, after its stage variables.

use serde_json::Value;

use super::super::access::Action;
use super::super::account::arn;

/// The function that an integration names.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// An alias or a version.
    pub qualifier: Option<String>,
}

impl Function {
    /// Reads an invocation URI or a plain ARN.
    pub fn of(uri: &str) -> Option<Self> {
        let arn = match uri.split_once("/functions/") {
            Some((_, rest)) => rest.strip_suffix("/invocations")?,
            None => uri,
        };
        let mut fields = arn.strip_prefix("arn:aws:lambda:")?.split(':').skip(2);
        if fields.next() != Some("function") {
            return None;
        }
        Some(Self { name: fields.next()?.to_owned(), qualifier: fields.next().map(str::to_owned) })
    }

    /// The ARN with the alias or version.
    pub fn arn(&self) -> String {
        let qualifier = self.qualifier.iter().map(|qualifier| format!(":{qualifier}"));
        arn("lambda", &format!("function:{}{}", self.name, qualifier.collect::<String>()))
    }

    /// The right to call it.
    pub fn invocation(&self) -> Action {
        Action::new("lambda:InvokeFunction", self.arn())
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.qualifier.as_deref().unwrap_or("$LATEST"))
    }
}

/// Replaces `${stageVariables.name}`, or says what is wrong: a variable may be undefined.
pub fn resolve_variables(uri: &str, variables: &Value) -> Result<String, String> {
    const START: &str = "${stageVariables.";
    let (mut resolved, mut rest) = (String::new(), uri);
    while let Some((before, after)) = rest.split_once(START) {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("an unterminated variable in {uri}"))?;
        let value = variables[name].as_str();
        let value = value.ok_or_else(|| format!("the stage has no variable {name}"))?;
        resolved.push_str(before);
        resolved.push_str(value);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:0:function:f:${stageVariables.alias}/invocations";

    #[test]
    fn undefined_stage_variables_are_errors() {
        let uri = resolve_variables(URI, &json!({"alias": "prod"})).ok().unwrap();
        let function = Function::of(&uri).unwrap();
        assert_eq!(function, Function { name: "f".into(), qualifier: Some("prod".into()) });
        assert!(resolve_variables(URI, &json!({"other": "prod"})).is_err());
        assert!(resolve_variables(URI, &Value::Null).is_err());
    }
}
