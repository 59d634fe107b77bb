//! One question by HTTP/1.1 over a connection of its own, and its answer, limited in size.
//!
//! Deliberately absent: everything else of HTTP. MTConnect agents stand in the machine's own network and
//! answer with a document; a library would bring more than this program.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The body of the answer.
///
/// # Errors
///
/// [`AskError`] when there is none, or none that may be read.
pub(super) async fn get(address: &str, path: &str) -> Result<String, AskError> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/xml\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer).await?;
    body(&answer)
}

/// Head and body of a whole answer.
fn body(answer: &[u8]) -> Result<String, AskError> {
    if ANSWER_BYTES_MAX < u64::try_from(answer.len()).unwrap_or(u64::MAX) {
        return Err(AskError::TooLong);
    }
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or(AskError::NotHttp)?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let body = &answer[end + 4..];
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("http/1.") {
        return Err(AskError::NotHttp);
    }
    // An agent refuses with a document of its own, which says more than the status.
    let is_refusal = !status.contains(" 200") && !body.starts_with(b"<");
    if is_refusal {
        return Err(AskError::Status { status: status.chars().take(80).collect() });
    }
    let is_chunked = lines.any(|it| it.starts_with("transfer-encoding:") && it.contains("chunked"));
    let body = if is_chunked { unchunked(body).ok_or(AskError::NotHttp)? } else { body.to_vec() };
    String::from_utf8(body).map_err(|_not_text| AskError::NotHttp)
}

/// RFC 9112, section 7.1.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|it| it == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        let from = line + 2;
        let to = from.checked_add(size)?;
        whole.extend_from_slice(rest.get(from..to)?);
        rest = rest.get(to + 2..)?;
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Document(#[from] super::document::DocumentError),
    #[error("the agent cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("what answers does not speak HTTP")]
    NotHttp,
    #[error("the answer is `{status}`")]
    Status { status: String },
    #[error("no answer came within {limit:?}")]
    TimedOut { limit: Duration },
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
}

/// A thousand observations are about 300 kB; a machine's whole state is less.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_in_chunks_or_refused_by_name() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<a/>";
        assert_eq!(body(whole).unwrap(), "<a/>");
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n<a\r\n2;x=y\r\n/>\r\n0\r\n\r\n";
        assert_eq!(body(chunks).unwrap(), "<a/>");
        let refused = body(b"HTTP/1.1 404 Not Found\r\n\r\nno").unwrap_err().to_string();
        assert!(refused.contains("404"), "{refused}");
        for broken in [
            &b"SSH-2.0-x\r\n\r\n"[..],
            b"",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        ] {
            assert!(body(broken).is_err());
        }
    }
}
