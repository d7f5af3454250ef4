//! The file to check: which one it is, and its text within a bound.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sluice_commands::template::{LARGEST_FILE, TemplateError};

/// The names in a folder, by precedence.
const NAMES: [&str; 4] = [PACKAGED, "template.json", "template.yaml", "template.yml"];
const PACKAGED: &str = "packaged.json";
/// The packager's map of lines, beside [`PACKAGED`].
const LINES: &str = "sluice-lines.json";

/// A template in JSON.
#[derive(Debug)]
pub(super) struct Input {
    /// The file's name without its folder.
    pub(super) name: String,
    pub(super) text: String,
    /// The text of `sluice-lines.json`.
    pub(super) lines: Option<String>,
}

/// Why there is no template to check.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Nothing has that path.
    Missing(PathBuf),
    /// The folder has none of the files.
    Empty(PathBuf),
    /// Neither a file nor a folder, such as a pipe.
    NotAFile(PathBuf),
    /// The system refuses it.
    Io(PathBuf, ErrorKind),
    TooLarge(PathBuf),
    NotText(PathBuf),
    /// Neither SAM nor a template in JSON; what the parser said.
    NotATemplate(PathBuf, String),
    /// SAM, or another transform.
    Transform(PathBuf),
    /// CloudFormation in YAML.
    Yaml(PathBuf),
    /// `sluice-lines.json` is damaged.
    Lines(Box<TemplateError>),
}

/// Reads the template at a path, or the first one in a folder.
pub(super) fn find(path: &Path) -> Result<Input, Unreadable> {
    let file = match kind(path)? {
        Kind::File => path.to_owned(),
        Kind::Folder => in_folder(path)?,
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = read(&file)?;
    let is_yaml = file
        .extension()
        .is_some_and(|ending| ["yaml", "yml"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
    if is_yaml {
        return Err(match has_transform(&text) {
            true => Unreadable::Transform(file),
            false => Unreadable::Yaml(file),
        });
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(template)) => {
            let none = Value::Array(Vec::new());
            if template.get("Transform").is_some_and(|transform| *transform != none) {
                return Err(Unreadable::Transform(file));
            }
        }
        Ok(_) => return Err(Unreadable::NotATemplate(file, "it is not an object".to_owned())),
        Err(error) => return Err(Unreadable::NotATemplate(file, error.to_string())),
    }
    let beside = file.with_file_name(LINES);
    let lines = match name == PACKAGED {
        true => match read(&beside) {
            Ok(lines) => Some(lines),
            Err(Unreadable::Missing(_)) => None,
            Err(error) => return Err(error),
        },
        false => None,
    };
    Ok(Input { name, text, lines })
}

enum Kind {
    File,
    Folder,
}

fn kind(path: &Path) -> Result<Kind, Unreadable> {
    match fs::metadata(path) {
        Ok(data) if data.is_dir() => Ok(Kind::Folder),
        Ok(data) if data.is_file() => Ok(Kind::File),
        Ok(_) => Err(Unreadable::NotAFile(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Unreadable::Missing(path.to_owned())),
        Err(error) => Err(Unreadable::Io(path.to_owned(), error.kind())),
    }
}

fn in_folder(folder: &Path) -> Result<PathBuf, Unreadable> {
    for name in NAMES {
        let file = folder.join(name);
        match kind(&file) {
            Err(Unreadable::Missing(_)) | Ok(Kind::Folder) => {}
            Ok(Kind::File) => return Ok(file),
            Err(error) => return Err(error),
        }
    }
    Err(Unreadable::Empty(folder.to_owned()))
}

/// The text of a file of at most [`LARGEST_FILE`] bytes. A larger one is not read to its end.
fn read(path: &Path) -> Result<String, Unreadable> {
    let Kind::File = kind(path)? else { return Err(Unreadable::NotAFile(path.to_owned())) };
    let io = |error: std::io::Error| Unreadable::Io(path.to_owned(), error.kind());
    let most = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > LARGEST_FILE {
        return Err(Unreadable::TooLarge(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::NotText(path.to_owned()))
}

/// Whether a template in YAML has the key at its top level. Sluice does not parse YAML here: both kinds need the packager.
fn has_transform(text: &str) -> bool {
    text.lines().any(|line| {
        let key = line.trim_start_matches(['"', '\'']);
        key.strip_prefix("Transform")
            .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    })
}
