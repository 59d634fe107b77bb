//! What was before, in English.

use super::super::past::{Told, Work};
use super::words::{doing, done, outcome, plural};
use crate::figures::Clock;
use crate::naming::{mid_sentence, shortened};

pub(in super::super) fn past(told: &Told<'_>, clock: &Clock) -> String {
    match told {
        Told::Basis { own, sisters, needed } => basis(*own, *sisters, *needed),
        Told::Lubricated { at, days, planned, is_overdue } => {
            let verdict = if *is_overdue { "Lubrication is overdue" } else { "Lubricated in time" };
            let date = clock.date_en(*at);
            format!("{verdict}: last on {date}, {days} days ago, due every {planned} days.")
        }
        Told::NothingOnRecord { is_sensor: true } => {
            "No earlier trouble with a sensor is on record here.".into()
        }
        Told::NothingOnRecord { is_sensor: false } => "No repair of this part is on record.".into(),
        Told::Own { record, held_days } => {
            let (date, ago) = (clock.date_en(record.at), ago(clock.days_since(record.at)));
            format!("{date} ({ago}): {}{}.", work(&(*record).into()), held(*held_days))
        }
        Told::Repeats { count, is_sensor: true } => {
            format!("{count} repairs of sensors of this part within 12 months.")
        }
        Told::Repeats { count, is_sensor: false } => {
            format!("{count} repairs of this part within 12 months.")
        }
        Told::Replaced { record, name, held_days } => {
            let (date, ago) = (clock.date_en(record.at), ago(clock.days_since(record.at)));
            let (outcome, held) = (outcome(record.outcome), held(*held_days));
            let ticket = ticket(record.ticket.as_deref());
            let what = match &record.part {
                Some(part) => format!("{part} of the {}", mid_sentence(&name.en)),
                None => name.en.clone(),
            };
            format!("{what} last replaced on {date}, {ago} – {outcome}{held}{ticket}.")
        }
        Told::Similar { device, case } => {
            let by = match case.shape {
                Some(_) => "signals and words",
                None => "words",
            };
            let (date, alike, device) = (clock.date_en(case.at), case.likeness, &device.en);
            let work = work(&(*case).into());
            format!("Similar case: {device}, {date} (alike {alike:.2} by {by}): {work}.")
        }
        Told::Sister { device, record } => {
            let (date, work) = (clock.date_en(record.at), work(&(*record).into()));
            format!("Sister machine {}, {date}: {work}.", device.en)
        }
        Told::Tried { cause, tried } => {
            let told: Vec<String> = tried
                .iter()
                .map(|it| {
                    let what = doing(it.activity);
                    match it.helped {
                        0 => format!("{what} did NOT help ({} tried)", it.times),
                        helped => format!("{what} helped {helped} of {}", it.times),
                    }
                })
                .collect();
            let told = told.join("; ");
            format!("Tried against \"{}\", here and on sister machines: {told}.", cause.en)
        }
    }
}

/// A mechanic must see that few closes say nothing against what is measured today.
fn basis(own: u32, sisters: u32, needed: u32) -> String {
    let all = own + sisters;
    if needed <= all {
        return format!(
            "Probabilities rest on {own} confirmed close{} of this machine and {sisters} of sister \
             machines.",
            plural(i64::from(own))
        );
    }
    let known = match all {
        0 => "no confirmed close is on record".to_owned(),
        _ => format!("{own} confirmed here, {sisters} on sister machines"),
    };
    format!(
        "Not enough data on earlier repairs ({known}; {needed} are needed): the probabilities rest on \
         what is seen today and on general experience."
    )
}

fn work(work: &Work<'_>) -> String {
    let part = work.part.map(|it| format!(" ({it})")).unwrap_or_default();
    let words = shortened(work.text);
    let words = if words.is_empty() { String::new() } else { format!(", \"{words}\"") };
    let hours = work.hours.map(|it| format!(", {it:.1} h")).unwrap_or_default();
    let (done, outcome) = (done(work.activity), outcome(work.outcome));
    format!("{done}{part}{words} – {outcome}{hours}{}", ticket(work.ticket))
}

fn ticket(number: Option<&str>) -> String {
    number.map(|it| format!(" ({it})")).unwrap_or_default()
}

fn held(days: Option<i64>) -> String {
    match days {
        None => String::new(),
        Some(..1) => ", held less than a day".to_owned(),
        Some(days) => format!(", held {days} day{}", plural(days)),
    }
}

fn ago(days: i64) -> String {
    if days < 1 { "today".to_owned() } else { format!("{days} day{} ago", plural(days)) }
}
