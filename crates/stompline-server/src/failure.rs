//! How a command fails: what a person reads on stderr, and the exit code.

use std::process::ExitCode;

use crate::config::Faults;
use crate::data_dir::DataDirError;
use crate::keyring::KeyringError;

/// Why a command ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] Faults),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The keys for tokens are missing or cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The command line says something that cannot be.
    #[error("{0}")]
    Misuse(String),
    /// Something that is neither the caller's nor the configuration's fault.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// 2 where the caller has to change something, 1 where the world did not play along.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::DataDir(_) | Self::Keyring(_) | Self::Misuse(_) => {
                ExitCode::from(2)
            }
            Self::Other(_) => ExitCode::from(1),
        }
    }
}
