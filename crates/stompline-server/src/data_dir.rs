//! The directory that the server keeps its files in.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::Secret;

/// As many bytes as the digest of HS256 has: more add nothing (RFC 7518, section 3.2).
const SECRET_BYTES: usize = 32;

/// A directory that exists and can be written.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// The data directory, or the secret in it, cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {why}; {advice}", path.display())]
pub(crate) struct DataDirError {
    what: &'static str,
    path: PathBuf,
    why: io::Error,
    advice: &'static str,
}

impl DataDir {
    /// Makes the directory, for its owner only, unless it is there, and tries that it can be
    /// written. A directory that is there keeps its permissions.
    pub(crate) fn prepare(path: &Path) -> Result<Self, DataDirError> {
        let error = |what| {
            move |why| DataDirError {
                what,
                path: path.to_owned(),
                why,
                advice: "choose a directory you may write with --data, STOMPLINE_DATA or the key `data`",
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(error("cannot make the data directory"))?;
        try_write(path).map_err(error("cannot write to the data directory"))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a signing secret for this directory if there is none yet.
    pub(crate) fn ensure_secret(&self) -> Result<(), DataDirError> {
        let path = secret_path(&self.path);
        match create_secret(&path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(why) => Err(DataDirError {
                what: "cannot make the secret",
                path,
                why,
                advice: "make room for it, or set `auth.secret_file`",
            }),
            Ok(()) => Ok(()),
        }
    }
}

/// Where the secret of the data directory at `path` is.
pub(crate) fn secret_path(path: &Path) -> PathBuf {
    path.join("secret")
}

fn try_write(path: &Path) -> io::Result<()> {
    let probe = path.join(format!(".probe-{}", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&probe)?;
    fs::remove_file(&probe)
}

/// Writes a new secret. The file appears under its name only when it is whole, so that a crash
/// leaves none or all of it; two servers that start together agree on the first one's.
fn create_secret(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let secret = new_secret()?;
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", secret.expose())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked
}

fn new_secret() -> io::Result<Secret> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Secret::new(&URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    }

    #[test]
    fn new_directory_and_secret_are_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/data");
        DataDir::prepare(&path).unwrap().ensure_secret().unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&secret_path(&path)), 0o600);
        let names: Vec<_> = fs::read_dir(&path)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["secret"]);
    }

    #[test]
    fn secret_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(root.path()).unwrap();
        data.ensure_secret().unwrap();
        let first = fs::read_to_string(secret_path(root.path())).unwrap();
        data.ensure_secret().unwrap();
        assert_eq!(fs::read_to_string(secret_path(root.path())).unwrap(), first);
        assert_eq!(
            URL_SAFE_NO_PAD.decode(first.trim()).unwrap().len(),
            SECRET_BYTES
        );
    }

    #[test]
    fn unusable_directory_is_named_with_reason() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let told = DataDir::prepare(&file.join("data"))
            .unwrap_err()
            .to_string();
        assert!(
            told.contains(&*file.join("data").to_string_lossy()),
            "{told}"
        );
        assert!(
            told.contains("Not a directory") && told.contains("--data"),
            "{told}"
        );
    }
}
