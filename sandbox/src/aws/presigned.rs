//! Presigned URLs of S3, in both forms. The local AWS would check the signature, which the sandbox does not verify, so the
//! request is forwarded with a signed header instead. Expired URLs are refused.

use axum::http::{HeaderValue, header};
use jiff::Timestamp;

use super::account::{ACCESS_KEY, REGION};
use super::request::AwsRequest;

/// The parameters of a signature, in lower case.
const SIGNATURE: [&str; 10] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "awsaccesskeyid",
    "signature",
    "expires",
];

/// The request without the signature in its query; `None` if it has expired.
pub fn unsigned(mut request: AwsRequest) -> Option<AwsRequest> {
    let query = request.parts.uri.query().unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| {
        let pair = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        pair.map(|(_, value)| value.as_str())
    };
    if value("X-Amz-Credential").or(value("AWSAccessKeyId")).is_none() {
        return Some(request);
    }
    let number = |name: &str| value(name).and_then(|text| text.parse::<i64>().ok());
    let signed = value("X-Amz-Date")
        .and_then(|date| jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok())
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|date| date.timestamp().as_second());
    let ends = match (signed, number("X-Amz-Expires")) {
        (Some(signed), Some(life)) => Some(signed + life),
        _ => number("Expires"),
    };
    if ends.is_none_or(|ends| ends < Timestamp::now().as_second()) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_signature(pair)).collect();
    let kept = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    if let Ok(uri) = format!("{}{kept}", request.parts.uri.path()).parse() {
        request.parts.uri = uri;
    }
    let scope = format!("{ACCESS_KEY}/20260101/{REGION}/s3/aws4_request");
    let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    if let Ok(value) = HeaderValue::from_str(&signed) {
        request.parts.headers.insert(header::AUTHORIZATION, value);
    }
    Some(request)
}

fn is_signature(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().to_lowercase();
    SIGNATURE.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forwarded URI; `None` if the request has expired.
    fn passed(query: &str) -> Option<String> {
        let parts = axum::http::Request::get(format!("/art/key{query}")).body(()).unwrap().into_parts().0;
        unsigned(AwsRequest { parts, body: Default::default() }).map(|request| request.parts.uri.to_string())
    }

    #[test]
    fn the_signature_is_removed_and_the_other_parameters_stay() {
        let older = "AWSAccessKeyId=K&Signature=a%3D&Expires=";
        assert_eq!(passed(&format!("?versionId=v&{older}4070908800")), Some("/art/key?versionId=v".into()));
        assert_eq!(passed(&format!("?{older}4070908800")), Some("/art/key".into()));
        assert_eq!(passed(&format!("?{older}1000")), None, "expired");
        let newer = "?X-Amz-Credential=K%2F1&X-Amz-Signature=0&X-Amz-Expires=60&X-Amz-Date=";
        assert_eq!(passed(&format!("{newer}20990101T000000Z")), Some("/art/key".into()));
        assert_eq!(passed(&format!("{newer}20200101T000000Z")), None, "expired");
        assert_eq!(passed("?versionId=v"), Some("/art/key?versionId=v".into()), "not presigned");
    }
}
