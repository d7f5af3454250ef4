//! Items of the table in DynamoDB's JSON (`docs/state.md`).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::read::DeflateDecoder;
use serde_json::Value;

/// A text attribute of an item; empty if it has none.
pub fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

/// A number of an item; 0 if it has none.
pub fn number(item: &Value, name: &str) -> u64 {
    item[name]["N"].as_str().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// An item's body: JSON, deflated if it is long.
pub fn body(item: &Value) -> Value {
    let deflated = item["z"]["B"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    match deflated {
        Some(bytes) => serde_json::from_reader(DeflateDecoder::new(bytes.as_slice())).unwrap_or_default(),
        None => serde_json::from_str(text(item, "b")).unwrap_or_default(),
    }
}
