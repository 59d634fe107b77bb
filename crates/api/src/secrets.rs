//! Random secrets from the system.

use std::fs::File;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::problem::ApiError;

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0_u8; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// 256 random bits as text.
pub(crate) fn secret() -> Result<String, ApiError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// 64 random bits as hexadecimal digits, for what names and opens nothing.
pub(crate) fn id() -> Result<String, ApiError> {
    Ok(random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
