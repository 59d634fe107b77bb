//! The words after `kill9`.

use std::fmt::Write as _;

use crate::bugs::Bug;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) runs: usize,
    pub(crate) jobs: usize,
    pub(crate) seed: u64,
    pub(crate) json: bool,
    /// The broker is killed and the server goes away as well.
    wants_chaos: bool,
    pub(crate) bug: Option<Bug>,
}

impl Options {
    /// `None` asks for help.
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options =
            Self { runs: 200, jobs: 2, seed: 1, json: false, wants_chaos: false, bug: None };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
            match word.as_str() {
                "--runs" => options.runs = number(&value()?)?,
                "--jobs" => options.jobs = number(&value()?)?.max(1),
                "--seed" => options.seed = u64::try_from(number(&value()?)?).unwrap_or(1),
                "--json" => options.json = true,
                "--chaos" => options.wants_chaos = true,
                "--plant-bug" => options.bug = Some(Bug::named(&value()?)?),
                "--help" => return Ok(None),
                _ => return Err(format!("`{word}` is no word of kill9")),
            }
        }
        Ok(Some(options))
    }

    /// Whether the broker is killed and the server goes away: as asked, and where a bug needs it to show.
    pub(crate) fn is_chaotic(&self) -> bool {
        self.wants_chaos || self.bug == Some(Bug::TrustTheBroker)
    }

    /// How many of the runs fall to a job.
    pub(crate) fn runs_of(&self, job: usize) -> usize {
        self.runs / self.jobs + usize::from(job < self.runs % self.jobs)
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_not_one| format!("`{text}` is no number"))
}

pub(crate) fn help() -> String {
    let mut text =
        "usage: kill9 [--runs 200] [--jobs 2] [--seed 1] [--json] [--chaos] [--plant-bug NAME]\n\n\
         With --chaos the broker is killed every few seconds, and the server goes away in between.\n\
         Exit code 0 when nothing was lost or doubled, 1 otherwise. Bugs that can be planted:\n"
            .to_owned();
    for bug in Bug::ALL {
        writeln!(text, "  {:18} {}", bug.name(), bug.what()).expect("a text takes anything");
    }
    text
}
