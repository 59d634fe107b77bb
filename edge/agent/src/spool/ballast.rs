//! A file that only holds space: on a full disk SQLite cannot even delete, so something else must
//! be given up first.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use super::SpoolError;

#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    bytes: u64,
}

impl Ballast {
    /// Takes the space, as far as there is any.
    pub(super) fn new(path: PathBuf, bytes: u64) -> Self {
        let ballast = Self { path, bytes };
        ballast.take_up();
        ballast
    }

    /// Releases the ballast of a spool that is not open.
    pub(super) fn give_up(path: PathBuf) -> Result<(), SpoolError> {
        Self { path, bytes: 0 }.release()
    }

    pub(super) fn release(&self) -> Result<(), SpoolError> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(SpoolError::Io { path: self.path.clone(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Without room for the ballast the spool works on without one, and says so.
    pub(super) fn take_up(&self) {
        if let Err(error) = self.fill() {
            tracing::warn!(path = %self.path.display(), %error, "no room for the spool's ballast");
            if let Err(error) = self.release() {
                tracing::warn!(%error, "half a ballast stays behind");
            }
        }
    }

    fn fill(&self) -> Result<(), std::io::Error> {
        let found = std::fs::metadata(&self.path).map_or(0, |it| it.len());
        if self.bytes == 0 || found == self.bytes {
            return Ok(());
        }
        // A file of holes would hold no space.
        let mut file = File::create(&self.path)?;
        let chunk = [0_u8; CHUNK_BYTES];
        let mut left = self.bytes;
        while 0 < left {
            let now = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            file.write_all(&chunk[..now])?;
            left -= u64::try_from(now).unwrap_or(left);
        }
        file.sync_all()
    }
}

/// Sixteen pages a write.
const CHUNK_BYTES: usize = 64 * 1024;
