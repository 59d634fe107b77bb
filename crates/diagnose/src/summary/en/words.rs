//! Single English words for what was done and how it turned out.

use forewarn_domain::repair::{Activity, Outcome};

pub(super) fn done(activity: Activity) -> &'static str {
    match activity {
        Activity::Adjust => "adjusted",
        Activity::Inspection => "inspected",
        Activity::Repair => "repaired",
        Activity::Replace => "replaced",
        Activity::Service => "serviced",
        Activity::Tighten => "tightened",
    }
}

pub(super) fn doing(activity: Activity) -> &'static str {
    match activity {
        Activity::Adjust => "adjusting",
        Activity::Inspection => "inspecting",
        Activity::Repair => "repairing",
        Activity::Replace => "replacing",
        Activity::Service => "servicing",
        Activity::Tighten => "tightening",
    }
}

pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Improved => "improved, not solved",
        Outcome::NoEffect => "did NOT help",
        Outcome::NothingFound => "nothing found",
        Outcome::Solved => "solved",
        Outcome::Unknown => "outcome not written down",
    }
}

pub(super) fn plural(count: i64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
