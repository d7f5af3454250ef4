//! The smoke test of a stage, which an admin sets: one check right after each change of the stage.
//!
//! It is a request to the stage's own URL (`GET /health 200`), or a test event for one of its functions by logical id
//! (`invoke Hello {"ping":true}`). It cannot name a host, so it cannot send requests elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::Method;
use crate::records::codec::as_text;

/// The longest path, in bytes.
const LONGEST_PATH: usize = 200;
/// The longest test event, in bytes: the policy and each operation that runs it store it.
const LONGEST_EVENT: usize = 500;
/// The longest logical id of a function, in bytes.
const LONGEST_NAME: usize = 64;
/// How many characters of an event are shown.
const SHOWN: usize = 60;

/// The check that a stage must pass after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Smoke {
    /// A request to its URL.
    Request {
        /// `GET` or `HEAD`.
        method: Method,
        /// The path after the stage's URL, with its query.
        path: String,
        /// The expected status.
        status: u16,
    },
    /// A test event that the function must handle without an error.
    Invoke {
        /// The function, by its logical id.
        function: String,
        /// The event: a JSON object, as it was typed.
        event: Option<String>,
    },
}

impl Smoke {
    /// The action without the expected result, as steps and messages show it.
    pub fn act(&self) -> String {
        match self {
            Smoke::Request { method, path, .. } => format!("{method} {path}"),
            Smoke::Invoke { function, event: None } => format!("invoke {function}"),
            Smoke::Invoke { function, event: Some(event) } => {
                let cut: String = event.chars().take(SHOWN).collect();
                let more = if cut.len() < event.len() { "…" } else { "" };
                format!("invoke {function} {cut}{more}")
            }
        }
    }
}

/// Whether a path stays below the stage's URL and is not ambiguous for any server.
fn is_path(path: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%?".contains(&byte);
    let before_query = path.split('?').next().unwrap_or_default();
    let leads_up = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    path.starts_with('/')
        && path.len() <= LONGEST_PATH
        && path.bytes().all(may_be)
        && !before_query.split('/').any(leads_up)
}

fn request(method: Method, rest: &str) -> Result<Smoke, String> {
    let mut words = rest.split_whitespace();
    let path = words.next().unwrap_or_default();
    if !is_path(path) {
        return Err(format!(
            "`{path}` is not a path of at most {LONGEST_PATH} characters that starts with `/`, such as `/health`"
        ));
    }
    let status = match words.next() {
        None => 200,
        Some(word) => {
            let status = word.parse().ok().filter(|status| (100..=599).contains(status));
            status.ok_or_else(|| format!("`{word}` is not a status from 100 to 599, such as `200`"))?
        }
    };
    match words.next() {
        None => Ok(Smoke::Request { method, path: path.to_owned(), status }),
        Some(more) => Err(format!("`{more}` is unexpected: write the test as `GET /health 200`")),
    }
}

fn invoke(rest: &str) -> Result<Smoke, String> {
    let (function, event) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let is_name = (1..=LONGEST_NAME).contains(&function.len())
        && function.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_name {
        return Err(format!(
            "`{function}` is not a function name: use its logical id in your template, as in `invoke Hello`"
        ));
    }
    let event = Some(event.trim()).filter(|event| !event.is_empty());
    if let Some(event) = event {
        let is_object = serde_json::from_str::<Value>(event).is_ok_and(|event| event.is_object());
        if !is_object || event.len() > LONGEST_EVENT {
            return Err(format!(
                "the test event has to be a JSON object of at most {LONGEST_EVENT} bytes, as `{{\"ping\":true}}`"
            ));
        }
    }
    Ok(Smoke::Invoke { function: function.to_owned(), event: event.map(str::to_owned) })
}

impl FromStr for Smoke {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match first.to_ascii_lowercase().as_str() {
            "get" => request(Method::Get, rest),
            "head" => request(Method::Head, rest),
            "invoke" => invoke(rest.trim()),
            _ => Err(format!(
                "`{text}` is no smoke test: write it as `GET /health 200`, as `invoke Hello {{\"ping\":true}}`, or `off`"
            )),
        }
    }
}

impl fmt::Display for Smoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Smoke::Request { method, path, status } => write!(f, "{method} {path} {status}"),
            Smoke::Invoke { function, event: None } => write!(f, "invoke {function}"),
            Smoke::Invoke { function, event: Some(event) } => write!(f, "invoke {function} {event}"),
        }
    }
}

as_text!(Smoke);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn smoke(text: &str) -> Smoke {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn typed_variants_are_read() {
        for (typed, means) in [
            ("GET /health 200", "GET /health 200"),
            ("get /health", "GET /health 200"),
            ("Head  /  204", "HEAD / 204"),
            ("GET /items?limit=1&x=%20y 404", "GET /items?limit=1&x=%20y 404"),
            ("GET //double/slash", "GET //double/slash 200"),
            ("Invoke Hello", "invoke Hello"),
            (" invoke Hello  {\"ping\": true} ", "invoke Hello {\"ping\": true}"),
        ] {
            assert_eq!(smoke(typed).to_string(), means, "{typed}");
        }
        let long = format!("invoke Hello {{\"a\":\"{}\"}}", "ü".repeat(100));
        assert!(smoke(&long).act().chars().count() < 80, "the shown action is short");
    }

    #[test]
    fn an_invalid_test_is_refused_with_an_example() {
        for (wrong, words) in [
            ("", "`GET /health 200`"),
            ("POST /health", "`GET /health 200`"),
            ("GET health", "as `/health`"),
            ("GET", "as `/health`"),
            ("GET https://example.org/", "as `/health`"),
            ("GET /../dev/health", "as `/health`"),
            ("GET /a/%2E%2e/dev", "as `/health`"),
            ("GET /a#b", "as `/health`"),
            ("GET /ü", "as `/health`"),
            ("GET /health 20", "from 100 to 599"),
            ("GET /health ok", "from 100 to 599"),
            ("GET /health 200 OK", "unexpected"),
            ("invoke", "`invoke Hello`"),
            ("invoke arn:aws:lambda:x", "`invoke Hello`"),
            ("invoke Hello [1]", "JSON object"),
            ("invoke Hello {ping:true}", "JSON object"),
        ] {
            let told = wrong.parse::<Smoke>().unwrap_err();
            assert!(told.contains(words), "{wrong}: {told}");
        }
        let long = format!("invoke Hello {{\"a\":\"{}\"}}", "x".repeat(LONGEST_EVENT));
        assert!(long.parse::<Smoke>().is_err());
        assert!(format!("GET /{}", "x".repeat(LONGEST_PATH)).parse::<Smoke>().is_err());
    }

    fn any_smoke() -> impl Strategy<Value = Smoke> {
        let method = prop_oneof![Just(Method::Get), Just(Method::Head)];
        let path = "(/[a-z0-9_~%:@-]{0,12}){1,4}(\\?[a-z]{1,5}=[a-z0-9+]{0,8})?";
        let event = proptest::option::of("[^\\p{C}]{0,20}");
        prop_oneof![
            (method, path, 100_u16..600).prop_map(|(method, path, status)| Smoke::Request {
                method,
                path,
                status
            }),
            ("[A-Za-z0-9]{1,64}", event).prop_map(|(function, text)| Smoke::Invoke {
                function,
                event: text.map(|text| serde_json::json!({ "text": text, "n": [1, null] }).to_string()),
            }),
        ]
    }

    proptest! {
        #[test]
        fn parsing_inverts_display(smoke in any_smoke()) {
            prop_assert_eq!(smoke.to_string().parse::<Smoke>(), Ok(smoke.clone()));
            let json = serde_json::to_value(&smoke).unwrap();
            prop_assert_eq!(serde_json::from_value::<Smoke>(json).unwrap(), smoke);
        }

        #[test]
        fn no_input_panics(text in "(GET |invoke a )?.{0,60}") {
            let _ = text.parse::<Smoke>();
        }
    }
}
