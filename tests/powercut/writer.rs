//! The program whose power is cut: fills a real spool and says on stdout what it was promised.
//!
//! `spool-writer FOLDER HOW FIRST COUNT END` makes the appends `FIRST..FIRST+COUNT`, and forgets
//! what a server that lags behind has. HOW is `sound`, or one of the bugs that the explorer must
//! find; END is `close`, or `stop`, which leaves the spool as a killed process does.
//!
//! Deliberately absent: threads, so that the order of the system calls is the order of the trace.
#![expect(clippy::print_stdout, reason = "what it says is the oracle's input")]

#[path = "plan.rs"]
mod plan;

use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;

use forewarn_agent::spool::{Moment, Spool};
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::Stream;
use forewarn_domain::time::Time;
use rusqlite::Connection;

use plan::{LIMITS, Mark, agent, bodies};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, how, first, count, end] = words.as_slice() else {
        return Err("usage: spool-writer FOLDER HOW FIRST COUNT close|stop".into());
    };
    let (folder, first, count) = (Path::new(folder), first.parse()?, count.parse::<u64>()?);
    let scratch = tempfile::tempdir()?;
    let mut writer = match how.as_str() {
        "sound" | "early" => Writer::open(folder, None)?,
        "normal" | "memory" => {
            Writer::open(scratch.path(), Some(Careless::open(folder, scratch.path(), how)?))?
        }
        other => return Err(format!("`{other}` is no way to write").into()),
    };
    writer.is_early = how == "early";
    for index in first..first + count {
        writer.append(index)?;
        writer.forget(index)?;
    }
    if end == "stop" {
        // No destructor runs, so SQLite closes nothing.
        std::process::exit(0);
    }
    writer.spool.close()?;
    Ok(())
}

struct Writer {
    spool: Spool,
    careless: Option<Careless>,
    /// The planted bug: a batch is forgotten when it was sent, before the server says it has it.
    is_early: bool,
    /// What was sent; the answers come a little later.
    unanswered: VecDeque<Mark>,
}

impl Writer {
    fn open(folder: &Path, careless: Option<Careless>) -> Result<Self, Box<dyn Error>> {
        let (spool, _) = Spool::open(folder, &agent(), LIMITS)?;
        if let Some(careless) = &careless {
            careless.begin()?;
        }
        println!("{}", Mark::Opened(spool.epoch()));
        Ok(Self { spool, careless, is_early: false, unanswered: VecDeque::new() })
    }

    fn append(&mut self, index: u64) -> Result<(), Box<dyn Error>> {
        println!("{}", Mark::Begun(index + 1));
        let at = Moment { wall: Time::from_millis(1_800_000_000_000), monotonic_us: 7 };
        self.spool.append(&bodies(index), at)?;
        self.copy()?;
        println!("{}", Mark::Accepted(index + 1));
        Ok(())
    }

    /// Forgets what the server has by now: everything but the newest few of a stream, and now and
    /// then some of those as well, so that a hole stays in between.
    fn forget(&mut self, index: u64) -> Result<(), Box<dyn Error>> {
        if index % 3 != 2 {
            return Ok(());
        }
        for (stream, lag) in [(Stream::NORMAL, 12), (Stream::URGENT, 4), (Stream::BULK, 3)] {
            let next_seq = self.spool.bounds(stream).1;
            let last = next_seq.saturating_sub(1 + lag);
            if last == 0 {
                continue;
            }
            let mut ranges = vec![(1, last)];
            if index % 4 == 2 {
                ranges.push((last + 2, last + 2));
            }
            self.forget_ranges(stream, ranges)?;
        }
        Ok(())
    }

    fn forget_ranges(
        &mut self,
        stream: Stream,
        ranges: Vec<(u64, u64)>,
    ) -> Result<(), Box<dyn Error>> {
        let marks = ranges.iter().map(|(first, last)| Mark::Granted(stream, *first, *last));
        self.unanswered.extend(marks);
        let held_back = if self.is_early { UNANSWERED_EARLY } else { 0 };
        while held_back < self.unanswered.len() {
            self.unanswered.pop_front().iter().for_each(|mark| println!("{mark}"));
        }
        self.spool.acknowledge(stream, &SeqRanges::try_from(ranges)?)?;
        self.copy()
    }

    fn copy(&self) -> Result<(), Box<dyn Error>> {
        Ok(self.careless.as_ref().map_or(Ok(()), Careless::copy)?)
    }
}

/// A planted bug: what the real spool stores elsewhere is brought into the folder of the test by a
/// connection that syncs too little. The real one cannot be asked to.
struct Careless {
    connection: Connection,
    pragmas: &'static str,
}

impl Careless {
    fn open(folder: &Path, sound: &Path, how: &str) -> Result<Self, Box<dyn Error>> {
        for folder in [folder, sound] {
            Spool::open(folder, &agent(), LIMITS)?.0.close()?;
        }
        let connection = Connection::open(folder.join("spool.db"))?;
        let sound = sound.join("spool.db");
        connection.execute("ATTACH ?1 AS sound", [sound.to_string_lossy()])?;
        let pragmas = match how {
            "normal" => "PRAGMA main.synchronous = NORMAL; PRAGMA wal_autocheckpoint = 300;",
            _ => "PRAGMA main.synchronous = FULL; PRAGMA main.journal_mode = MEMORY;",
        };
        Ok(Self { connection, pragmas })
    }

    /// The numbering is taken over in good order, what comes then is not.
    fn begin(&self) -> Result<(), rusqlite::Error> {
        self.copy()?;
        self.connection.execute_batch(self.pragmas)
    }

    fn copy(&self) -> Result<(), rusqlite::Error> {
        self.connection.execute_batch(
            "BEGIN; \
             REPLACE INTO main.meta SELECT * FROM sound.meta; \
             REPLACE INTO main.cursor SELECT * FROM sound.cursor; \
             REPLACE INTO main.counter SELECT * FROM sound.counter; \
             DELETE FROM main.batch WHERE id NOT IN (SELECT id FROM sound.batch); \
             INSERT OR IGNORE INTO main.batch SELECT * FROM sound.batch; \
             COMMIT;",
        )
    }
}

/// How many answers of the server are on their way when the bug is to forget before they come.
const UNANSWERED_EARLY: usize = 6;
