//! One owner for every task and thread of the process.
//!
//! Rely on this: whatever was started here is asked to end when anything else ends, is waited
//! for at exit within a grace time, and is named when it did not end.
//!
//! Deliberately absent: restarting. A process that lost a part exits, and the service manager
//! starts it again with nothing left over.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tracing::{Instrument as _, error_span};

/// Every task of the process.
///
/// When one task ends, for whatever reason, all are asked to end: a server that no longer
/// ingests must not go on answering "healthy". Clones own the same tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    tracker: TaskTracker,
    roll: Arc<Roll>,
}

impl Tasks {
    /// Starts a task under a name that all its log lines carry. Its end stops all the others.
    pub fn start<F>(&self, name: &'static str, run: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let signed_on = self.sign_on(name);
        let task = run(self.stop.clone()).instrument(error_span!("task", name));
        drop(self.tracker.spawn(async move {
            task.await;
            drop(signed_on);
        }));
    }

    /// Starts a task that may end while the others run on, such as one served connection. Only
    /// its panic stops them.
    pub fn start_errand<F>(&self, name: &'static str, run: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let signed_on = self.sign_on(name);
        let task = run(self.stop.clone()).instrument(error_span!("errand", name));
        drop(self.tracker.spawn(async move {
            task.await;
            signed_on.leave_quietly();
        }));
    }

    /// Starts an OS thread of its own for work that blocks for good, such as the one writer of a
    /// database file. Its end stops all the others.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system grants no further thread.
    pub fn start_blocking(
        &self,
        name: &'static str,
        run: impl FnOnce(CancellationToken) + Send + 'static,
    ) -> Result<(), io::Error> {
        let signed_on = self.sign_on(name);
        let stop = self.stop.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            error_span!("thread", name).in_scope(|| run(stop));
            drop(signed_on);
        });
        // Nobody joins the thread: its entry in the roll is what `stop` waits for.
        thread.map(drop)
    }

    /// The token that tells all tasks to end; a clone may be cancelled to stop everything.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits for SIGINT, SIGTERM, the end of any task, or a stop asked for elsewhere.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the signals cannot be listened to.
    pub async fn run_until_signal(&self) -> Result<Ended, io::Error> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => Ok(Ended::Signal("SIGINT")),
            _ = terminate.recv() => Ok(Ended::Signal("SIGTERM")),
            () = self.stop.cancelled() => Ok(match self.roll.first_to_end.get() {
                Some(name) => Ended::Task(name),
                None => Ended::Asked,
            }),
        }
    }

    /// Asks all tasks to end and waits at most `grace`.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] when some did not end; the process then exits with a failure code.
    pub async fn stop(self, grace: Duration) -> Result<(), StillRunning> {
        self.stop.cancel();
        self.tracker.close();
        match tokio::time::timeout(grace, self.tracker.wait()).await {
            Ok(()) => Ok(()),
            Err(_elapsed) => Err(StillRunning { names: self.roll.names(), grace }),
        }
    }

    fn sign_on(&self, name: &'static str) -> SignedOn {
        SignedOn {
            name,
            stops_all: true,
            number: self.roll.enter(name),
            roll: Arc::clone(&self.roll),
            stop: self.stop.clone(),
            _tracked: self.tracker.token(),
        }
    }
}

/// Why [`Tasks::run_until_signal`] returned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The stop token was cancelled by the program itself.
    Asked,
    /// A signal arrived: its name.
    Signal(&'static str),
    /// This task ended first, and a stop was asked for because of it.
    Task(&'static str),
}

/// Some tasks did not end within the grace time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{names:?} did not end within {grace:?}")]
pub struct StillRunning {
    /// The names under which they were started.
    pub names: Vec<&'static str>,
    /// How long they were waited for.
    pub grace: Duration,
}

/// Who is at work, so that the ones that do not leave can be named.
#[derive(Debug, Default)]
struct Roll {
    at_work: Mutex<AtWork>,
    first_to_end: OnceLock<&'static str>,
}

#[derive(Debug, Default)]
struct AtWork {
    next: u64,
    names: BTreeMap<u64, &'static str>,
}

impl Roll {
    fn enter(&self, name: &'static str) -> u64 {
        let mut at_work = self.lock();
        at_work.next += 1;
        let number = at_work.next;
        at_work.names.insert(number, name);
        number
    }

    fn leave(&self, number: u64) {
        self.lock().names.remove(&number);
    }

    fn names(&self) -> Vec<&'static str> {
        self.lock().names.values().copied().collect()
    }

    /// A panic elsewhere cannot leave the map half changed, so its poison is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's entry in the roll. Its drop stops all the others, also when a panic unwinds it.
#[derive(Debug)]
struct SignedOn {
    name: &'static str,
    stops_all: bool,
    number: u64,
    roll: Arc<Roll>,
    stop: CancellationToken,
    _tracked: TaskTrackerToken,
}

impl SignedOn {
    fn leave_quietly(mut self) {
        self.stops_all = false;
    }
}

impl Drop for SignedOn {
    fn drop(&mut self) {
        self.roll.leave(self.number);
        if self.stops_all && !self.stop.is_cancelled() {
            self.roll.first_to_end.get_or_init(|| self.name);
            self.stop.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_end_of_one_task_stops_all_and_is_named() {
        let tasks = Tasks::default();
        tasks.start("waiter", |stop| async move { stop.cancelled().await });
        tasks.start("quitter", |_stop| async {});
        assert_eq!(tasks.run_until_signal().await.unwrap(), Ended::Task("quitter"));
        assert_eq!(tasks.stop(GRACE).await, Ok(()));
    }

    #[tokio::test]
    async fn a_panic_stops_the_neighbours_and_does_not_hang_the_stop() {
        let tasks = Tasks::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        tasks.start("neighbour", |stop| async move {
            stop.cancelled().await;
            seen.store(true, Ordering::SeqCst);
        });
        tasks.start_errand("faulty", |_stop| async { panic!("on purpose") });
        assert_eq!(tasks.run_until_signal().await.unwrap(), Ended::Task("faulty"));
        assert_eq!(tasks.stop(GRACE).await, Ok(()));
        assert!(stopped.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn an_errand_may_end_while_the_others_run_on() {
        let tasks = Tasks::default();
        let (done, ended) = tokio::sync::oneshot::channel();
        tasks.start_errand("errand", |_stop| async move { done.send(()).unwrap() });
        ended.await.unwrap();
        tokio::task::yield_now().await;
        assert!(!tasks.stop_token().is_cancelled());
        assert_eq!(tasks.stop(GRACE).await, Ok(()));
    }

    #[tokio::test]
    async fn a_thread_is_stopped_and_waited_for_like_a_task() {
        let tasks = Tasks::default();
        let (done, ended) = std::sync::mpsc::channel();
        tasks
            .start_blocking("writer", move |stop| {
                while !stop.is_cancelled() {
                    thread::yield_now();
                }
                done.send(()).unwrap();
            })
            .unwrap();
        assert_eq!(tasks.stop(GRACE).await, Ok(()));
        assert_eq!(ended.try_recv(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named() {
        let tasks = Tasks::default();
        tasks.start("deaf", |_stop| std::future::pending());
        let refused = tasks.stop(GRACE).await.unwrap_err();
        assert_eq!(refused.to_string(), "[\"deaf\"] did not end within 5s");
    }

    #[tokio::test]
    async fn a_stop_asked_for_by_the_program_is_no_ones_fault() {
        let tasks = Tasks::default();
        tasks.start("waiter", |stop| async move { stop.cancelled().await });
        tasks.stop_token().cancel();
        assert_eq!(tasks.run_until_signal().await.unwrap(), Ended::Asked);
        assert_eq!(tasks.stop(GRACE).await, Ok(()));
    }
}
