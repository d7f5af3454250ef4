//! Reads the texts of XML elements by name. Enough for the answers of the local AWS.

/// The texts of all elements with this name. Elements with attributes are ignored.
pub fn all<'a>(text: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inner, after) = after.split_once(&close)?;
        rest = after;
        Some(unescape(inner))
    })
}

pub fn first(text: &str, name: &str) -> Option<String> {
    all(text, name).next()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
