//! Collects the files of a build's artifact, and uploads them to S3.

use std::path::{Path, PathBuf};

use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::super::upstream::Upstream;
use super::buildspec::ArtifactSpec;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFile {
    pub name: String,
    pub path: PathBuf,
}

/// The files that the buildspec names. A pattern without a match is an error, as in CodeBuild.
pub fn collect(source: &Path, spec: &ArtifactSpec) -> Result<Vec<ArtifactFile>, String> {
    let base = spec.base.as_ref().map_or_else(|| source.to_owned(), |base| source.join(base));
    let mut all = Vec::new();
    walk(&base, "", &mut all).map_err(|error| format!("{}: {error}", base.display()))?;
    all.sort();
    let mut files: Vec<ArtifactFile> = Vec::new();
    for pattern in &spec.files {
        let wanted = pattern.trim_start_matches("./");
        let mut found = false;
        for name in all.iter().filter(|name| glob(wanted, name)) {
            found = true;
            if spec.exclude.iter().any(|exclude| glob(exclude, name)) {
                continue;
            }
            let short = if spec.discard_paths { name.rsplit('/').next().unwrap_or(name) } else { name };
            if !files.iter().any(|file| file.name == short) {
                files.push(ArtifactFile { name: short.to_owned(), path: base.join(name) });
            }
        }
        if !found {
            return Err(format!("no matching artifact paths found: {pattern}"));
        }
    }
    Ok(files)
}

/// Uploads the files to the location in the project or the request; the artifact's location.
pub async fn upload(
    upstream: &Upstream,
    artifacts: &Value,
    build: &str,
    spec_name: Option<&str>,
    files: &[ArtifactFile],
) -> Result<String, String> {
    let bucket = artifacts["location"].as_str().ok_or("the artifacts have no location")?;
    if artifacts["packaging"] == "ZIP" {
        return Err("packaging ZIP is not served here".into());
    }
    for file in files {
        let content = tokio::fs::read(&file.path).await.map_err(|error| format!("{}: {error}", file.name))?;
        let key = key(artifacts, build, spec_name, &file.name);
        let path = format!("/{bucket}/{}", encode(&key));
        let answer = upstream.call("s3", Method::PUT, &path, &[], content).await;
        match answer {
            Ok(answer) if answer.status.is_success() => {}
            Ok(answer) => {
                let error = String::from_utf8_lossy(&answer.body).into_owned();
                return Err(format!("s3://{bucket}/{key}: {} {error}", answer.status));
            }
            Err(_) => return Err(format!("s3://{bucket}/{key}: S3 did not answer")),
        }
    }
    Ok(format!("arn:aws:s3:::{bucket}/{}", prefix(artifacts, build, spec_name)))
}

pub fn key(artifacts: &Value, build: &str, spec_name: Option<&str>, file: &str) -> String {
    match prefix(artifacts, build, spec_name) {
        prefix if prefix.is_empty() => file.to_owned(),
        prefix => format!("{prefix}/{file}"),
    }
}

fn prefix(artifacts: &Value, build: &str, spec_name: Option<&str>) -> String {
    let name = match spec_name {
        Some(name) if artifacts["overrideArtifactName"] == true => name,
        _ => artifacts["name"].as_str().unwrap_or_default(),
    };
    let namespace = if artifacts["namespaceType"] == "BUILD_ID" { build } else { "" };
    let parts = [artifacts["path"].as_str().unwrap_or_default(), namespace, name];
    let parts = parts.iter().map(|part| part.trim_matches('/')).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == ".git" {
            continue;
        }
        let relative = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &relative, found)?;
        } else {
            found.push(relative);
        }
    }
    Ok(())
}

/// `*` matches within a segment, `**` any number of segments.
fn glob(pattern: &str, name: &str) -> bool {
    fn segments(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => {
                segments(rest, name) || name.split_first().is_some_and(|(_, after)| segments(pattern, after))
            }
            (Some((first, rest)), Some((given, after))) => segment(first, given) && segments(rest, after),
            _ => false,
        }
    }
    let (pattern, name): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), name.split('/').collect());
    segments(&pattern, &name)
}

fn segment(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| rest.get(at..).is_some_and(|tail| segment(after, tail)))
        }),
    }
}

/// The characters of a key that a URL must not contain.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

fn encode(key: &str) -> String {
    utf8_percent_encode(key, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_codebuild() {
        assert!(glob("**/*", "a/b/c.txt") && glob("**/*", "a.txt"));
        assert!(glob("out/**/*", "out/a") && !glob("out/**/*", "in/a"));
        assert!(glob("*.yaml", "t.yaml") && !glob("*.yaml", "d/t.yaml"));
        assert!(glob("a*c*e", "abcde") && !glob("a*c*e", "abcdef"));
    }

    #[test]
    fn files_are_collected_below_their_base() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out/sub");
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(out.join("a.txt"), "").unwrap();
        std::fs::write(folder.path().join("out/b.txt"), "").unwrap();
        let spec = |files: &[&str], discard_paths| ArtifactSpec {
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            base: Some("out".into()),
            discard_paths,
            ..ArtifactSpec::default()
        };
        let names = |spec: &ArtifactSpec| {
            collect(folder.path(), spec)
                .map(|files| files.into_iter().map(|file| file.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&spec(&["**/*"], false)).unwrap(), ["b.txt", "sub/a.txt"]);
        assert_eq!(names(&spec(&["sub/*"], true)).unwrap(), ["a.txt"]);
        assert!(names(&spec(&["none"], false)).unwrap_err().contains("none"));
    }

    #[test]
    fn keys_are_encoded() {
        assert_eq!(encode("a b/ü+1"), "a%20b/%C3%BC%2B1");
    }
}
