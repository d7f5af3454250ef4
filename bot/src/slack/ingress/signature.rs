//! The signature and the age of a delivery.
//!
//! The headers are checked before the body is read. slack-morphism verifies the signature, in constant time; its error is
//! dropped, because such errors have contained signatures.

use std::sync::Arc;

use axum::http::HeaderMap;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;
use sluice_commands::ports::Clock;

use crate::config::Secret;

/// The largest difference of a delivery's time from ours, in seconds, in either direction.
const MAX_SKEW: u64 = 300;
const SIGNATURE: &str = SlackEventSignatureVerifier::SLACK_SIGNED_HASH_HEADER;
const TIMESTAMP: &str = SlackEventSignatureVerifier::SLACK_SIGNED_TIMESTAMP;

/// Well-formed headers, not verified yet.
pub(super) struct SignedHeaders {
    signature: String,
    timestamp: String,
}

/// Verifies deliveries with the signing secret.
pub(super) struct SignatureVerifier {
    verifier: SlackEventSignatureVerifier,
    clock: Arc<dyn Clock>,
}

impl SignatureVerifier {
    pub(super) fn new(secret: &Secret, clock: Arc<dyn Clock>) -> Self {
        Self { verifier: SlackEventSignatureVerifier::new(&secret.expose().to_owned().into()), clock }
    }

    /// The headers, if each is given once, well formed and not stale; else a short reason for the log.
    pub(super) fn headers(&self, headers: &HeaderMap) -> Result<SignedHeaders, &'static str> {
        let signature = single(headers, SIGNATURE).ok_or("signature header")?;
        let timestamp = single(headers, TIMESTAMP).ok_or("timestamp header")?;
        let digits =
            timestamp.len() <= 12 && !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
        let signed = timestamp.parse::<i64>().ok().filter(|_| digits).ok_or("timestamp")?;
        if self.clock.now().as_second().abs_diff(signed) > MAX_SKEW {
            return Err("stale timestamp");
        }
        let hex = signature.strip_prefix("v0=").ok_or("signature form")?;
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("signature form");
        }
        Ok(SignedHeaders { signature: signature.to_owned(), timestamp: timestamp.to_owned() })
    }

    /// The body, if its signature is right. Slack signs text, so the body has to be UTF-8.
    pub(super) fn verify<'b>(&self, signed: &SignedHeaders, body: &'b [u8]) -> Option<&'b str> {
        let body = std::str::from_utf8(body).ok()?;
        self.verifier.verify(&signed.signature, body, &signed.timestamp).is_ok().then_some(body)
    }
}

/// A header that is given exactly once: of two, a proxy in front of us may have checked the other one.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}
