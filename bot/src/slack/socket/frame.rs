//! The messages of Socket Mode: JSON in text frames.

use serde::Deserialize;
use serde_json::{Value, json};

/// The longest id of an envelope that is sent back. Slack's are UUIDs.
const LONGEST_ID: usize = 200;

/// A message from Slack.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// The connection is open: deliveries come from now on.
    Hello,
    /// Slack is about to close this connection.
    Disconnect(Disconnect),
    /// A delivery.
    Envelope(Envelope),
    /// A message of a type that this version does not know, without anything to acknowledge.
    Unknown,
}

/// Why Slack closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disconnect {
    /// It is some hours old, or Slack's server stops.
    Refresh,
    /// Socket Mode was switched off in the settings of the app.
    Disabled,
    /// The app has more connections than Slack allows, which is ten.
    TooMany,
}

/// A delivery, and how it is acknowledged.
#[derive(Debug, PartialEq)]
pub(super) struct Envelope {
    pub(super) id: String,
    /// `slash_commands`, `interactive` or `events_api`; Slack may add types.
    pub(super) kind: String,
    pub(super) payload: Value,
    /// Whether the acknowledgement may have a body.
    pub(super) accepts_body: bool,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    envelope_id: Option<String>,
    #[serde(default)]
    accepts_response_payload: bool,
    #[serde(default)]
    payload: Value,
}

impl Frame {
    /// Reads a message. The error is a short reason for the log, and quotes nothing.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let fields: Fields = serde_json::from_str(text).map_err(|_| "socket message")?;
        if let Some(id) = fields.envelope_id {
            if !(1..=LONGEST_ID).contains(&id.len()) {
                return Err("envelope id");
            }
            let Fields { kind, payload, accepts_response_payload: accepts_body, .. } = fields;
            return Ok(Frame::Envelope(Envelope { id, kind, payload, accepts_body }));
        }
        Ok(match (fields.kind.as_str(), fields.reason.as_deref()) {
            ("hello", _) => Frame::Hello,
            ("disconnect", Some("link_disabled")) => Frame::Disconnect(Disconnect::Disabled),
            ("disconnect", Some("too_many_websockets")) => Frame::Disconnect(Disconnect::TooMany),
            // `warning`, `refresh_requested`, and reasons that Slack may add: another connection is what helps.
            ("disconnect", _) => Frame::Disconnect(Disconnect::Refresh),
            _ => Frame::Unknown,
        })
    }
}

/// The message that acknowledges an envelope.
pub(super) fn acknowledgement(id: &str, body: Option<&Value>) -> String {
    match body {
        Some(body) => json!({ "envelope_id": id, "payload": body }).to_string(),
        None => json!({ "envelope_id": id }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_read_as_slack_documents_them() {
        let hello = r#"{"type":"hello","num_connections":1,"debug_info":{"host":"applink-1","approximate_connection_time":18060},
                        "connection_info":{"app_id":"A1"}}"#;
        assert_eq!(Frame::parse(hello), Ok(Frame::Hello));
        for (reason, meant) in [
            ("warning", Disconnect::Refresh),
            ("refresh_requested", Disconnect::Refresh),
            ("a reason of next year", Disconnect::Refresh),
            ("link_disabled", Disconnect::Disabled),
            ("too_many_websockets", Disconnect::TooMany),
        ] {
            let text =
                json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "x" } }).to_string();
            assert_eq!(Frame::parse(&text), Ok(Frame::Disconnect(meant)), "{reason}");
        }
        let command = json!({ "envelope_id": "e-1", "type": "slash_commands", "payload": { "command": "/build" },
                              "accepts_response_payload": true });
        let Ok(Frame::Envelope(envelope)) = Frame::parse(&command.to_string()) else { panic!() };
        assert_eq!((envelope.id.as_str(), envelope.kind.as_str()), ("e-1", "slash_commands"));
        assert!(envelope.accepts_body);
    }

    #[test]
    fn an_unknown_type_is_an_envelope_if_it_can_be_acknowledged() {
        let Ok(Frame::Envelope(envelope)) = Frame::parse(r#"{"type":"new","envelope_id":"e"}"#) else {
            panic!()
        };
        assert!(!envelope.accepts_body && envelope.payload.is_null());
        assert_eq!(Frame::parse(r#"{"type":"new"}"#), Ok(Frame::Unknown));
        assert_eq!(Frame::parse("{}"), Ok(Frame::Unknown));
        for bad in ["", "hello", "[3]", r#"{"type":3}"#, r#"{"envelope_id":""}"#] {
            assert!(Frame::parse(bad).is_err(), "{bad}");
        }
        assert!(Frame::parse(&json!({ "envelope_id": "x".repeat(201) }).to_string()).is_err());
    }

    #[test]
    fn an_acknowledgement_repeats_the_id() {
        assert_eq!(acknowledgement("e", None), r#"{"envelope_id":"e"}"#);
        let body = json!({ "text": "Done" });
        assert_eq!(acknowledgement("e", Some(&body)), r#"{"envelope_id":"e","payload":{"text":"Done"}}"#);
    }

    proptest! {
        #[test]
        fn no_message_panics(text in ".{0,200}") {
            let _ = Frame::parse(&text);
        }
    }
}
