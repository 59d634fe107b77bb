//! Signs the end of the audit trail every hour, and when the server starts and stops.
//!
//! A checkpoint goes to the database and to a file beside it. Rows after the newest checkpoint are not
//! proven to be all; an hour bounds how many that can be.

use std::path::PathBuf;
use std::time::Duration;

use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::records::audit::seal::{Sealer, append_to_file};
use forewarn_store::records::{Records, RecordsError};

/// Whoever signs.
#[derive(Debug)]
pub struct Witness {
    /// The trail.
    pub records: Records,
    /// The key.
    pub sealer: Sealer,
    /// The copy outside of the database.
    pub copy: PathBuf,
    /// What time it is.
    pub clock: Clock,
}

impl Witness {
    /// Signs until `stop`, and once more then.
    pub async fn run(self, stop: CancellationToken) {
        let mut sealed = 0;
        loop {
            match self.seal(sealed).await {
                Ok(seq) => sealed = seq,
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(error = cause, "the audit trail could not be signed");
                }
            }
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Signs the newest row unless it is signed; returns its number.
    async fn seal(&self, sealed: i64) -> Result<i64, RecordsError> {
        let Some((seq, hash)) = self.records.audit_head().await? else { return Ok(sealed) };
        if seq <= sealed {
            return Ok(sealed);
        }
        let checkpoint = self.sealer.seal(seq, hash, Time::from_micros(self.clock.now_us()));
        if let Err(error) = append_to_file(&self.copy, &checkpoint) {
            let file = self.copy.display();
            tracing::error!(%error, %file, "a checkpoint is in the database only");
        }
        self.records.put_checkpoint(&checkpoint).await?;
        Ok(seq)
    }
}

const EVERY: Duration = Duration::from_secs(3_600);
