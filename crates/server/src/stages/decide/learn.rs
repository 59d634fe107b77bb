//! Learning from a history before live readings come.

use std::sync::Arc;

use forewarn_domain::reading::Batch;
use tokio::sync::mpsc;

use super::{Decide, DecideError, Resumed, Work};

impl Decide {
    /// Stores a history and runs the engine over it. Batches are made on a thread of their own, so
    /// that two cores are used.
    ///
    /// # Errors
    ///
    /// [`DecideError`] when the stores do not answer.
    pub(crate) async fn learn(
        &mut self,
        resumed: &mut Resumed,
        history: Box<dyn Iterator<Item = Batch> + Send>,
    ) -> Result<(), DecideError> {
        let (made, mut to_learn) = mpsc::channel::<Arc<Batch>>(MADE_AHEAD_MAX);
        let making = tokio::task::spawn_blocking(move || {
            for batch in history {
                if made.blocking_send(Arc::new(batch)).is_err() {
                    return;
                }
            }
        });
        let mut work = Work::new(std::mem::take(resumed), &self.clock);
        while let Some(batch) = to_learn.recv().await {
            let (stored, learned) =
                tokio::join!(self.readings.append(vec![Arc::clone(&batch)]), async {
                    tokio::task::block_in_place(|| work.inbox.offer(Arc::clone(&batch)))
                });
            stored?;
            for batch in learned {
                let decisions = tokio::task::block_in_place(|| self.engine.advance(&batch));
                self.commit(&decisions).await?;
                self.beside.advance(&batch, &self.records).await;
            }
        }
        if let Err(error) = making.await {
            tracing::error!(%error, "the history ended early");
        }
        self.save(&mut work).await?;
        *resumed = Resumed { inbox: work.inbox, inputs_applied: work.inputs_applied };
        Ok(())
    }
}

/// Two batches are enough to keep both cores busy; each may hold an hour of a plant.
const MADE_AHEAD_MAX: usize = 4;
