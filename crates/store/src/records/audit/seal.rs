//! Checkpoints: number and hash of a row, signed with Ed25519 (RFC 8032).
//!
//! The key lies in a file outside the database, so whoever can write the database cannot sign. A copy
//! of each checkpoint goes to a file too: what is cut off together with its checkpoint is missed there.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use forewarn_domain::time::Time;
use forewarn_domain::waveform::Sha256;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// A signed row of the trail.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Number of the row.
    pub seq: i64,
    /// Its hash.
    pub hash: Sha256,
    /// When it was signed.
    pub at: Time,
    /// The key, 64 hexadecimal digits.
    pub public_key: String,
    /// The signature, 128 hexadecimal digits.
    pub signature: String,
}

impl Checkpoint {
    /// Whether it is signed by a key, or by the one that it names when none is given.
    #[must_use]
    pub fn is_signed_by(&self, key: Option<&PublicKey>) -> bool {
        let named: Result<PublicKey, _> = self.public_key.parse();
        let key = match (key, &named) {
            (Some(key), _) => key,
            (None, Ok(named)) => named,
            (None, Err(_)) => return false,
        };
        let Some(signature) = unhex(&self.signature) else { return false };
        let text = signed_text(self.seq, &self.hash, self.at);
        UnparsedPublicKey::new(&ED25519, key.0).verify(text.as_bytes(), &signature).is_ok()
    }
}

/// A key to check with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl std::str::FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = unhex(text.trim()).and_then(|it| it.try_into().ok());
        bytes.map(Self).ok_or(InvalidKey::Public)
    }
}

/// Signs checkpoints.
pub struct Sealer {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("public_key", &self.public_key().to_string()).finish()
    }
}

impl Sealer {
    /// Reads the key of a file; makes the file, for its owner only, when it is not there. Beside it a
    /// file with the ending `pub` holds the public key.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when the file cannot be read or written, or holds no key.
    pub fn open(path: &Path) -> Result<Self, InvalidKey> {
        let failed = |source| InvalidKey::File { path: path.to_owned(), source };
        let pkcs8 = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let random = SystemRandom::new();
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random)
                    .map_err(|ring::error::Unspecified| InvalidKey::Random)?;
                write_for_owner(path, pkcs8.as_ref()).map_err(failed)?;
                pkcs8.as_ref().to_vec()
            }
            Err(error) => return Err(failed(error)),
        };
        let refused = |why: ring::error::KeyRejected| InvalidKey::Private {
            path: path.to_owned(),
            why: why.to_string(),
        };
        let sealer = Self { pair: Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(refused)? };
        let public = path.with_extension("pub");
        fs::write(&public, format!("{}\n", sealer.public_key()))
            .map_err(|source| InvalidKey::File { path: public.clone(), source })?;
        Ok(sealer)
    }

    /// The key to check with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let bytes = self.pair.public_key().as_ref().try_into();
        PublicKey(bytes.expect("an Ed25519 public key has 32 bytes"))
    }

    /// Signs a row.
    #[must_use]
    pub fn seal(&self, seq: i64, hash: Sha256, at: Time) -> Checkpoint {
        let signature = self.pair.sign(signed_text(seq, &hash, at).as_bytes());
        Checkpoint {
            seq,
            hash,
            at,
            public_key: self.public_key().to_string(),
            signature: hex(signature.as_ref()),
        }
    }
}

/// Appends a checkpoint to a file of JSON lines and syncs it.
///
/// # Errors
///
/// [`io::Error`] when the file cannot be written.
pub fn append_to_file(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    let mut line = serde_json::to_vec(checkpoint).map_err(io::Error::other)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

fn write_for_owner(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // The name must survive a power cut too: a new key would make all old checkpoints worthless.
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

fn signed_text(seq: i64, hash: &Sha256, at: Time) -> String {
    format!("forewarn.audit.checkpoint/1\n{seq}\n{hash}\n{}", at.micros())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits = (0..text.len()).step_by(2);
    digits.map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok()).collect()
}

/// Why checkpoints cannot be signed or checked.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// The file.
    #[error("the key file {} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is in the file.
    #[error("{} holds no Ed25519 key: {why}", path.display())]
    Private {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A text that is no key.
    #[error("that is no public key; 64 hexadecimal digits are needed")]
    Public,
    /// No key could be made.
    #[error("the system gives no random numbers")]
    Random,
}
