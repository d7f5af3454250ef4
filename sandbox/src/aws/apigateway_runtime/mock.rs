//! Mock integrations: the request template gives a status, which selects the response. Templates are literal here, as those that
//! SAM writes for CORS are; Velocity is not interpreted.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html>

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

const JSON: &str = "application/json";

/// The response of a mock integration, or what is wrong with it.
pub fn response(integration: &Value) -> Result<Response, String> {
    let template =
        literal(&integration["requestTemplates"][JSON])?.ok_or("the mock has no request template")?;
    // Keys need no quotes in these templates.
    let template = template.replace("statusCode", "\"statusCode\"").replace("\"\"", "\"");
    let template: Value =
        serde_json::from_str(&template).map_err(|error| format!("the request template: {error}"))?;
    let selected =
        template["statusCode"].as_u64().ok_or("the request template gives no statusCode")?.to_string();
    let responses = &integration["responses"];
    let found = responses.get(&selected).or_else(|| responses.get("default"));
    let found = found.ok_or_else(|| format!("the mock has no response for the status {selected}"))?;
    let status = found["statusCode"].as_str().and_then(|status| status.parse::<u16>().ok());
    let status =
        status.and_then(|status| StatusCode::from_u16(status).ok()).ok_or("the response has no status")?;
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(JSON))]);
    for (name, value) in found["responseParameters"].as_object().into_iter().flatten() {
        let name =
            name.strip_prefix("method.response.header.").and_then(|name| HeaderName::try_from(name).ok());
        let value = value.as_str().and_then(|value| value.strip_prefix('\'')?.strip_suffix('\''));
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        let (Some(name), Some(value)) = (name, value) else {
            return Err("the sandbox maps only literal values to headers".into());
        };
        headers.insert(name, value);
    }
    let body = literal(&found["responseTemplates"][JSON])?.unwrap_or_default();
    Ok((status, headers, body.to_owned()).into_response())
}

/// A template that needs no interpretation.
fn literal(template: &Value) -> Result<Option<&str>, String> {
    match template.as_str() {
        Some(text) if text.contains(['#', '$']) => {
            Err(format!("the sandbox does not interpret the template {text}"))
        }
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mock_answers_with_its_headers() {
        let mut mock = json!({
            "type": "mock",
            "requestTemplates": { JSON: "{\n  \"statusCode\" : 200\n}\n" },
            "responses": { "default": {
                "statusCode": "204", "responseTemplates": { JSON: "{}\n" },
                "responseParameters": { "method.response.header.Access-Control-Allow-Origin": "'*'" },
            } },
        });
        let answer = response(&mock).unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        mock["requestTemplates"][JSON] = "{statusCode:200}".into();
        assert!(response(&mock).is_ok());
        mock["responses"]["default"]["responseTemplates"][JSON] = "$input.json('$')".into();
        assert!(response(&mock).unwrap_err().contains("does not interpret"));
    }
}
