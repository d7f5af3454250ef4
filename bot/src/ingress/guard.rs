//! Is it from Slack, and is it from now? The headers are judged before a byte of the body is read; the signature is
//! slack-morphism's to verify, in constant time. Its error is dropped unread: such errors have shown signatures before.

use std::sync::Arc;

use axum::http::HeaderMap;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;
use sluice_commands::ports::Clock;

use crate::config::Secret;

/// How far a delivery's time may be from ours, either way, in seconds.
const OLDEST: u64 = 300;
const SIGNATURE: &str = SlackEventSignatureVerifier::SLACK_SIGNED_HASH_HEADER;
const TIMESTAMP: &str = SlackEventSignatureVerifier::SLACK_SIGNED_TIMESTAMP;

/// What the headers claim.
pub(super) struct Claim {
    signature: String,
    timestamp: String,
}

/// Judges deliveries.
pub(super) struct Guard {
    verifier: SlackEventSignatureVerifier,
    clock: Arc<dyn Clock>,
}

impl Guard {
    pub(super) fn new(secret: &Secret, clock: Arc<dyn Clock>) -> Self {
        Self { verifier: SlackEventSignatureVerifier::new(&secret.expose().to_owned().into()), clock }
    }

    /// The headers: there once each, well formed, and not stale.
    pub(super) fn headers(&self, headers: &HeaderMap) -> Result<Claim, &'static str> {
        let signature = single(headers, SIGNATURE).ok_or("signature header")?;
        let timestamp = single(headers, TIMESTAMP).ok_or("timestamp header")?;
        let digits =
            timestamp.len() <= 12 && !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
        let signed = timestamp.parse::<i64>().ok().filter(|_| digits).ok_or("timestamp")?;
        if self.clock.now().as_second().abs_diff(signed) > OLDEST {
            return Err("stale timestamp");
        }
        let hex = signature.strip_prefix("v0=").ok_or("signature form")?;
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("signature form");
        }
        Ok(Claim { signature: signature.to_owned(), timestamp: timestamp.to_owned() })
    }

    /// The body, if it is signed as claimed. Slack signs texts; what is no UTF-8 is none.
    pub(super) fn verify<'b>(&self, claim: &Claim, body: &'b [u8]) -> Option<&'b str> {
        let body = std::str::from_utf8(body).ok()?;
        self.verifier.verify(&claim.signature, body, &claim.timestamp).is_ok().then_some(body)
    }
}

/// A header that is there exactly once: of two, another reader in front of us may have checked the other one.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}
