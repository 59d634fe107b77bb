//! What can go wrong in the readings store, by what the caller does about it.

use std::path::PathBuf;

use forewarn_domain::reading::StreamKey;

/// Why the readings store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The writer has ended, after a failure of the disk or at exit; the process must restart.
    #[error("the readings store no longer writes; look at the log for the cause and restart")]
    Closed,
    /// The file's own consistency is broken or the disk failed.
    #[error("readings file `{}` failed", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What SQLite or the system said.
        source: FileError,
    },
    /// The cap is reached and nothing is left that may be deleted; nothing was acknowledged.
    #[error(
        "readings take {used} of {cap} bytes and nothing may be deleted; raise the cap, release \
         evidence holds, or look for a stalled consumer"
    )]
    Full {
        /// Bytes in use.
        used: u64,
        /// The configured cap.
        cap: u64,
    },
    /// Another process has the file open for writing.
    #[error("`{}` is in use by another process; stop it first", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The external server did not take or give readings; try again later.
    #[error("readings server `{url}` failed")]
    Server {
        /// Where it is.
        url: String,
        /// What it said.
        source: ServerError,
    },
    /// More numberings than the file can tell apart.
    #[error("`{}/{}` would be numbering 65,536; start a new data folder", key.agent, key.epoch)]
    TooManyStreams {
        /// The refused numbering.
        key: Box<StreamKey>,
    },
    /// The bundled SQLite or one of its settings is not what durability needs.
    #[error("readings file `{}`: {setting} is `{found}`, needed is `{needed}`", path.display())]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Version or pragma.
        setting: &'static str,
        /// As read back.
        found: String,
        /// As required.
        needed: &'static str,
    },
}

/// What is wrong with a local file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// What is stored, or was to be stored, is not of the store's format.
    #[error("{what} is not readable as such: {text}")]
    Format {
        /// Which part of the file.
        what: &'static str,
        /// What is wrong with it.
        text: String,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// What is wrong with the external server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It could not be reached.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It refused.
    #[error("it answered {status}: {text}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Beginning of the answer.
        text: String,
    },
    /// It answered something that cannot be understood.
    #[error("its answer is not understood: {text}")]
    Answer {
        /// What is wrong with it.
        text: String,
    },
}

impl FileError {
    pub(crate) fn format(what: &'static str, error: &dyn std::error::Error) -> Self {
        Self::Format { what, text: error.to_string() }
    }

    /// Whether the disk or the file can no longer be trusted: going on would risk what is stored.
    pub(crate) fn is_fatal(&self) -> bool {
        use rusqlite::ErrorCode;
        match self {
            Self::Format { .. } => false,
            Self::Io(_) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                )
            ),
        }
    }
}
