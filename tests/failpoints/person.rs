//! What people do meanwhile, over the API, each as often as it takes until it is answered. It is done
//! while the agent is silent, so that it takes effect at the same place in every run.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;

/// Something to be done once.
pub(crate) struct Errand {
    /// After how many batches of the past.
    pub(crate) after: usize,
    /// Device and fault family of the ticket; without them it is a repair that no ticket asked for.
    ticket: Option<(&'static str, &'static str)>,
    body: String,
    /// The same for every attempt.
    key: String,
}

/// A ticket is worked on and closed, another one is dismissed, a repair is written down.
pub(crate) fn errands() -> Vec<Errand> {
    let hot = Some(("press-1", "thermal"));
    let finish = json!({
        "command": "finish", "cause": "other", "note": "cleaned the cooler", "part": null
    });
    let repair = json!({
        "at": "2025-10-09T10:00:00Z", "device": "press-3", "component": "hydraulics",
        "activity": "service", "text": "changed the oil", "outcome": "solved"
    });
    let errands = [
        (hot, json!({ "command": "accept" })),
        (hot, finish),
        (hot, json!({ "command": "close", "verdict": "confirmed" })),
        (Some(("press-4", "hydraulic")), json!({ "command": "false_alarm", "reason": "a test" })),
        (None, repair),
    ];
    let numbered = errands.into_iter().enumerate();
    numbered
        .map(|(number, (ticket, body))| {
            let (body, key) = (body.to_string(), format!("errand-{number}"));
            Errand { after: AFTER, ticket, body, key }
        })
        .collect()
}

impl Errand {
    /// One attempt; says whether it was answered. A server that dies meanwhile answers nothing.
    pub(crate) fn attempt(&self, folder: &Path) -> bool {
        let Ok(port) = std::fs::read_to_string(folder.join(PORT_FILE)) else { return false };
        let Some(path) = self.path(folder) else { return false };
        let Some(answer) = self.post(port.trim(), &path) else { return false };
        let is_done = answer.starts_with("HTTP/1.1 20");
        assert!(is_done || answer.is_empty(), "{path} {}: {answer}", self.body);
        is_done
    }

    fn path(&self, folder: &Path) -> Option<String> {
        let Some((device, family)) = self.ticket else { return Some("/api/v1/repairs".to_owned()) };
        let records = Connection::open(folder.join("records.db")).ok()?;
        let sql = "SELECT id FROM ticket WHERE device = ?1 AND fault_family = ?2
                   ORDER BY detected_at LIMIT 1";
        let id: String = records.query_row(sql, [device, family], |row| row.get(0)).ok()?;
        Some(format!("/api/v1/tickets/{id}/commands"))
    }

    fn post(&self, port: &str, path: &str) -> Option<String> {
        let Self { body, key, .. } = self;
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).ok()?;
        stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
             If-Match: *\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

/// Into which file of its folder a server writes where it can be reached.
pub(crate) const PORT_FILE: &str = "port";

/// Both tickets are open by then, and two faults are still to come.
const AFTER: usize = 110;

const ANSWER_MAX: Duration = Duration::from_secs(10);
