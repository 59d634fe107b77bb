//! Raw waveforms as files, named by what they hold.
//!
//! Rely on this: a stored waveform is on the disk under its final name before `put` returns, and
//! what `get` returns has the hash that was asked for. Storing the same bytes twice stores them
//! once.
//!
//! Deliberately absent: what a waveform is, and how long it is kept. That stands in the records.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use forewarn_domain::waveform::Sha256;
use sha2::Digest as _;

/// The folder of raw waveforms. Its methods block; call them where that is allowed.
#[derive(Clone, Debug)]
pub struct WaveformFiles {
    dir: PathBuf,
}

/// A stored waveform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoredWaveform {
    /// Its name.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
}

impl WaveformFiles {
    /// Opens `waveforms/` in a data folder, making it when it is missing, and removes what an
    /// interrupted `put` has left.
    ///
    /// # Errors
    ///
    /// [`WaveformFileError::Io`].
    pub fn open(data_dir: &Path) -> Result<Self, WaveformFileError> {
        let files = Self { dir: data_dir.join("waveforms") };
        files.within(&files.dir, || {
            std::fs::create_dir_all(&files.dir)?;
            File::open(data_dir)?.sync_all()?;
            for entry in std::fs::read_dir(&files.dir)? {
                let path = entry?.path();
                if path.extension().is_some_and(|it| it == UNFINISHED) {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        })?;
        Ok(files)
    }

    /// Stores bytes durably and returns their name. One caller at a time stores the same bytes.
    ///
    /// # Errors
    ///
    /// [`WaveformFileError::Io`]; nothing is stored then.
    pub fn put(&self, bytes: &[u8]) -> Result<Sha256, WaveformFileError> {
        let sha256 = hash(bytes);
        let path = self.path(&sha256);
        self.within(&path, || {
            if path.try_exists()? {
                return Ok(());
            }
            let unfinished = path.with_extension(UNFINISHED);
            let mut file = File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            // The name is durable only once the folder is.
            File::open(&self.dir)?.sync_all()
        })?;
        Ok(sha256)
    }

    /// Reads a waveform; `None` when it is not stored.
    ///
    /// # Errors
    ///
    /// [`WaveformFileError::Damaged`] when the bytes are no longer those that were stored,
    /// otherwise [`WaveformFileError::Io`].
    pub fn get(&self, sha256: &Sha256) -> Result<Option<Vec<u8>>, WaveformFileError> {
        let path = self.path(sha256);
        let bytes = self.within(&path, || match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })?;
        match bytes {
            Some(bytes) if hash(&bytes) != *sha256 => Err(WaveformFileError::Damaged { path }),
            bytes => Ok(bytes),
        }
    }

    /// Deletes a waveform; false when it was not there.
    ///
    /// # Errors
    ///
    /// [`WaveformFileError::Io`].
    pub fn delete(&self, sha256: &Sha256) -> Result<bool, WaveformFileError> {
        let path = self.path(sha256);
        self.within(&path, || match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
    }

    /// All stored waveforms in order of name. Files with other names are not ours and left out.
    ///
    /// # Errors
    ///
    /// [`WaveformFileError::Io`].
    pub fn list(&self) -> Result<Vec<StoredWaveform>, WaveformFileError> {
        let mut stored = self.within(&self.dir, || {
            let mut stored = Vec::new();
            for entry in std::fs::read_dir(&self.dir)? {
                let entry = entry?;
                let sha256 = entry.file_name().to_str().and_then(|name| name.parse().ok());
                if let Some(sha256) = sha256 {
                    stored.push(StoredWaveform { sha256, bytes: entry.metadata()?.len() });
                }
            }
            Ok(stored)
        })?;
        stored.sort_by_key(|waveform| waveform.sha256);
        Ok(stored)
    }

    fn path(&self, sha256: &Sha256) -> PathBuf {
        self.dir.join(sha256.to_string())
    }

    fn within<T>(
        &self,
        path: &Path,
        work: impl FnOnce() -> Result<T, io::Error>,
    ) -> Result<T, WaveformFileError> {
        work().map_err(|source| WaveformFileError::Io { path: path.to_owned(), source })
    }
}

fn hash(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

/// Why a waveform was not stored, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum WaveformFileError {
    /// The disk has changed the bytes.
    #[error("waveform `{}` is damaged on disk; check the disk and restore it", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("waveform file `{}` failed", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

const UNFINISHED: &str = "unfinished";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waveform_is_stored_once_found_listed_and_deleted() {
        let dir = tempfile::tempdir().expect("temp dir");
        let files = WaveformFiles::open(dir.path()).expect("opens");
        let sha256 = files.put(b"samples").expect("stored");
        assert_eq!(files.put(b"samples").expect("again"), sha256);
        assert_eq!(files.get(&sha256).expect("read"), Some(b"samples".to_vec()));
        assert_eq!(files.list().expect("listed"), [StoredWaveform { sha256, bytes: 7 }]);
        assert!(files.delete(&sha256).expect("deleted"));
        assert!(!files.delete(&sha256).expect("gone"));
        assert_eq!(files.get(&sha256).expect("read"), None);
    }

    #[test]
    fn a_changed_file_is_reported_and_an_unfinished_one_removed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let files = WaveformFiles::open(dir.path()).expect("opens");
        let sha256 = files.put(b"samples").expect("stored");
        std::fs::write(files.path(&sha256), b"sampleZ").expect("written");
        assert!(matches!(files.get(&sha256), Err(WaveformFileError::Damaged { .. })));
        let left = files.dir.join("abc.unfinished");
        std::fs::write(&left, b"half").expect("written");
        WaveformFiles::open(dir.path()).expect("opens again");
        assert!(!left.try_exists().expect("asked"));
    }
}
