//! The packager as one archive that Python runs directly. `sluice init` publishes it to the artifact bucket, and the buildspec of a
//! repository runs it with the line [`LINE`].
//!
//! The files are embedded from `packager/`. The archive depends only on their content, and its key in the bucket is its SHA-256. So
//! versions of Sluice that run side by side do not disturb each other, and a build can check what it downloaded.

#[cfg(test)]
mod tests;
mod zip;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::names;
use sluice_model::PipelineName;

/// The variable of a build with the shell command that runs the packager.
pub const VARIABLE: &str = "SLUICE_PACKAGE";
/// The line that a buildspec runs after its other commands. Everything else is in [`VARIABLE`], so it can change without a change
/// of any repository.
pub const LINE: &str = r#"sh -c "$SLUICE_PACKAGE""#;
/// What the packager writes and the buildspec's `artifacts` have to name.
pub const ARTIFACTS: [&str; 3] = ["packaged.json", "sluice-lines.json", "sluice-manifest.json"];
/// Where `sluice init` puts archives. No pipeline's name begins with this prefix.
pub const PREFIX: &str = "_sluice/packager";

/// Path in the archive and in `packager/`, and content; sorted by path.
macro_rules! files {
    ($($path:literal)*) => { &[$(($path, include_bytes!(concat!("../../../packager/", $path)))),*] };
}

const FILES: &[(&str, &[u8])] = files![
    "__main__.py"
    "requirements.txt"
    "sluice_package/__init__.py"
    "sluice_package/__main__.py"
    "sluice_package/artifact.py"
    "sluice_package/check.py"
    "sluice_package/code.py"
    "sluice_package/data/__init__.py"
    "sluice_package/data/cfn-response.js"
    "sluice_package/data/cfnresponse.py"
    "sluice_package/dependencies.py"
    "sluice_package/expand.py"
    "sluice_package/images.py"
    "sluice_package/inline.py"
    "sluice_package/inline_code.py"
    "sluice_package/inputs.py"
    "sluice_package/main.py"
    "sluice_package/names.py"
    "sluice_package/problems.py"
    "sluice_package/read.py"
    "sluice_package/sentinels.py"
    "sluice_package/template.py"
    "sluice_package/units.py"
    "sluice_package/upload.py"
    "sluice_package/zips.py"
];

/// The packager of this version of Sluice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// A zip, which Python runs as it is.
    pub content: Bytes,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Archive {
    fn of(files: &[(&str, &[u8])]) -> Self {
        let content = Bytes::from(zip::stored(files));
        let sha256 = hex::encode(Sha256::digest(&content));
        Self { content, sha256 }
    }

    /// Its key in the artifact bucket.
    pub fn key(&self) -> String {
        format!("{PREFIX}/{}.pyz", self.sha256)
    }
}

/// The packager of this version, put together at the first call.
pub fn archive() -> &'static Archive {
    static ARCHIVE: LazyLock<Archive> = LazyLock::new(|| Archive::of(FILES));
    &ARCHIVE
}

/// The variables of a pipeline's builds.
pub fn environment(bucket: &str, pipeline: &PipelineName) -> BTreeMap<String, String> {
    let variables = [
        ("SLUICE_BUCKET", bucket.to_owned()),
        ("SLUICE_PREFIX", names::prefix(pipeline)),
        (VARIABLE, command(bucket, archive())),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The shell command that downloads the archive, checks it and runs it. It ends with the packager's exit status.
///
/// It needs the AWS command line and Python 3, which all standard images of CodeBuild have. Python does the work, because a value
/// without `$`, `'` and line breaks means the same to every shell and every tool that passes it on. `-I` keeps files of the
/// repository from replacing modules of Python.
fn command(bucket: &str, archive: &Archive) -> String {
    let (key, sha256) = (archive.key(), &archive.sha256);
    let place = format!("s3://{bucket}/{key}");
    let steps = [
        "import hashlib, os, shutil, subprocess, sys, tempfile".to_owned(),
        r#"aws = shutil.which("aws") or sys.exit("sluice: this build image has no aws command line, which downloads the packager. Install it in buildspec.yml.")"#.to_owned(),
        "folder = tempfile.TemporaryDirectory()".to_owned(),
        r#"file = os.path.join(folder.name, "sluice-package.pyz")"#.to_owned(),
        format!(
            r#"subprocess.call([aws, "s3api", "get-object", "--bucket", "{bucket}", "--key", "{key}", file], stdout=subprocess.DEVNULL) and sys.exit("sluice: the packager {place} cannot be downloaded; the reason is above. If it does not exist, an admin must run `sluice init` in a terminal. Then build again.")"#
        ),
        format!(
            r#"hashlib.sha256(open(file, "rb").read()).hexdigest() == "{sha256}" or sys.exit("sluice: the packager {place} is not what Sluice published. An admin must delete it and run `sluice init` in a terminal. Then build again.")"#
        ),
        r#"sys.exit(subprocess.call([sys.executable, "-I", file]))"#.to_owned(),
    ];
    format!("exec python3 -I -c '{}'", steps.join("; "))
}
