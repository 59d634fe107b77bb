//! Facts in English, for a mechanic at 6 a.m.: short sentences, plain words, numbers with units.

mod past;
mod words;

use forewarn_domain::anomaly::{BearingDefect, BearingLine};
use forewarn_domain::family::Severity;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};

pub(super) use self::past::past;
use self::words::plural;
use super::seen::{CountSeen, LevelSeen, NormalSeen, RateSeen, Seen, SiblingsSeen};
use super::todo::{Action, Foot};
use super::{TODAY, Urgency, percent};
use crate::case::Outlook;
use crate::figures::{
    Clock, Distance, SpanUnit, amount, band, days, days_only, distance, exact, exact_amount,
    exact_per_minute, figure, grouped, parts, per_minute, share, signed_difference,
};
use crate::naming::mid_sentence;

pub(super) fn unclear(claim: &str, p: f64, rival: &str, rival_p: f64) -> String {
    let (p, rival_p) = (percent(p), percent(rival_p));
    format!("Not clear yet. {claim} ({p}); next likely: {rival} ({rival_p}).")
}

pub(super) fn urgency(urgency: &Urgency) -> String {
    match urgency {
        Urgency::Blind { is_grave: true } => {
            "The machine may run, but nothing watches it here: restore the signal this shift."
                .into()
        }
        Urgency::Blind { is_grave: false } => {
            "The machine may run, but nothing watches it here until the signal is back.".into()
        }
        Urgency::Machine { severity: Severity::Alarm, .. } => {
            "Urgent: look at the machine now, before the next long run.".into()
        }
        Urgency::Machine { severity, within: Some(within) } if *within < TODAY => match severity {
            Severity::Watch => {
                format!("Keep an eye on it today; the limit is at least {} away.", span(*within))
            }
            Severity::Warning | Severity::Alarm => {
                format!("Do the test below first: it may be urgent in {}.", span(*within))
            }
        },
        Urgency::Machine { severity, within: Some(within) } => {
            let when = match severity {
                Severity::Watch => "keep an eye on it; the limit is at least",
                Severity::Warning | Severity::Alarm => "plan the work within",
            };
            format!("Not urgent today: {when} {}.", span(*within))
        }
        Urgency::Machine { severity: Severity::Warning, within: None } => {
            "Not urgent today: do the test below soon and plan the work for the coming days.".into()
        }
        Urgency::Machine { severity: Severity::Watch, within: None } => {
            "Not urgent: look at it at the next planned stop.".into()
        }
        Urgency::Process { severity: Severity::Alarm } => {
            "Urgent: check parts and process now, before more is produced.".into()
        }
        Urgency::Process { severity: Severity::Warning | Severity::Watch } => {
            "Check the process within this shift.".into()
        }
    }
}

pub(super) fn seen(seen: &Seen<'_>, clock: &Clock) -> String {
    match seen {
        Seen::Also { name, value, unit, normal } => {
            let far = distance(*value, normal, *unit).map(|it| format!(": {}", far(it)));
            let (value, band) = (amount(*value, *unit), band(normal, *unit));
            let name = mid_sentence(&name.en);
            format!("At the same time {name} is {value}, normal {band}{}.", far.unwrap_or_default())
        }
        Seen::BackToNormal { since } => {
            format!("Back to normal since {}; the cause is still open.", clock.time_en(*since))
        }
        Seen::BearingLine { since, line, state } => {
            bearing_line(*since, line, state.as_ref(), clock)
        }
        Seen::CameBack(count) => {
            format!(
                "It went back to normal and returned {count} time{}.",
                plural(i64::from(*count))
            )
        }
        Seen::Code { since, code, times, window } => {
            self::code(&opened(*since, "The machine", clock), code, *times, *window)
        }
        Seen::Count(count) => self::count(count, clock),
        Seen::Flat { since, name, value, unit, lasted } => {
            let start = opened(*since, &name.en, clock);
            let (value, lasted) = (amount(*value, *unit), span(*lasted));
            format!(
                "{start} has read exactly {value}, now for {lasted}. A working sensor always moves a little."
            )
        }
        Seen::Level(level) => self::level(level, clock),
        Seen::Limit { since, name, value, limit, unit, above } => {
            let start = opened(*since, &name.en, clock);
            let side = if *above { "above" } else { "below" };
            let (value, limit) = (amount(*value, *unit), exact_amount(*limit, *unit));
            format!("{start} is {side} its limit of {limit}, now {value}.")
        }
        Seen::NoData { since, name, lasted, interval } => {
            let start = opened(*since, &name.en, clock);
            let (lasted, interval) = (span(*lasted), span(*interval));
            format!(
                "{start} has sent nothing, now for {lasted}; a reading is due every {interval}."
            )
        }
        Seen::MachineNormal(signals) => {
            format!("The machine itself looks normal: {}.", normals(signals))
        }
        Seen::Normal(signals) => format!("Not changed: {}.", normals(signals)),
        Seen::NoContact { since, lasted } => {
            let start = opened(*since, "Nothing", clock);
            format!("{start} has come from this machine, now for {}.", span(*lasted))
        }
        Seen::NothingToCompare => {
            "Not known: no other signal of this part has enough data to compare with.".into()
        }
        Seen::Rate(rate) => self::rate(rate, clock),
        Seen::Siblings(siblings) => self::siblings(siblings, clock),
        Seen::Zone { since, name, zone, value, limit } => {
            let start = opened(*since, &name.en, clock);
            let meaning = match zone {
                'D' => "can damage the machine",
                'C' => "not meant for long running",
                _ => "acceptable for long running",
            };
            let (value, limit) = (figure(*value), exact(*limit));
            format!(
                "{start} is in zone {zone} of ISO 20816-3 ({meaning}): {value} mm/s, zone {zone} starts at {limit} mm/s."
            )
        }
    }
}

fn bearing_line(
    since: Option<Time>,
    line: &BearingLine,
    state: Option<&Localized>,
    clock: &Clock,
) -> String {
    let start = opened(since, "A knock", clock).replace(", a knock", " a knock");
    let race = match line.defect {
        BearingDefect::Cage => "cage",
        BearingDefect::InnerRace => "inner-race",
        BearingDefect::OuterRace => "outer-race",
        BearingDefect::RollingElement => "rolling-element",
    };
    let (found, order) = (line.found_hz, line.order);
    let off = percent_off(line.found_hz, line.expected_hz);
    let (name, bearing) = (line.defect.frequency(), &line.bearing);
    let rpm = grouped(&figure(line.shaft_hz * 60.0));
    let state = state.map(|it| format!(", state {}", it.en)).unwrap_or_default();
    let (matched, bursts, count) = (line.matched, line.bursts, line.harmonics.len());
    let harmonics = match count {
        0 => "no harmonics".to_owned(),
        1 => "1 harmonic".to_owned(),
        _ => format!("{count} harmonics"),
    };
    format!(
        "{start} repeats at {found:.1} Hz = {order:.2} × shaft speed, the {race} frequency \
         ({name}) of {bearing}, off by {off}; {harmonics} in the envelope spectrum, in {matched} \
         of {bursts} bursts (newest at {rpm} rpm{state})."
    )
}

fn code(start: &str, code: &str, times: u32, window: Span) -> String {
    match times {
        0 | 1 => format!("{start} has reported code {code}."),
        _ => {
            format!("{start} has reported code {code}; {times} such codes within {}.", span(window))
        }
    }
}

fn count(count: &CountSeen, clock: &Clock) -> String {
    let CountSeen { since, name, unit, limit, above, times, window } = count;
    let start = opened(*since, &name.en, clock);
    let side = if *above { "above" } else { "below" };
    let (limit, window, s) =
        (exact_amount(*limit, *unit), span(*window), plural(i64::from(*times)));
    format!("{start} went {side} {limit} {times} time{s} within {window}.")
}

fn level(level: &LevelSeen<'_>, clock: &Clock) -> String {
    let LevelSeen { since, name, value, unit, normal, learned_over, state } = level;
    let start = opened(*since, &name.en, clock);
    let (now, band, usual) =
        (amount(*value, *unit), band(normal, *unit), amount(normal.median, *unit));
    let state = state.as_ref().map(|it| format!(" in state {}", it.en)).unwrap_or_default();
    let from = learned(*learned_over, normal.samples);
    let far = distance(*value, normal, *unit).map(|it| format!(" That is {}.", far(it)));
    format!(
        "{start} is {now}; normal{state} is {band}, usually {usual} ({from}).{}",
        far.unwrap_or_default()
    )
}

fn rate(rate: &RateSeen, clock: &Clock) -> String {
    let start = opened(rate.since, &rate.name.en, clock);
    let verb = if rate.rate < 0.0 { "falls" } else { "rises" };
    let by = per_minute(rate.rate.abs(), rate.quantity, rate.unit);
    let limit = exact_per_minute(rate.limit.abs(), rate.quantity, rate.unit);
    let now = rate.value.map(|it| format!(", now {}", amount(it, rate.unit))).unwrap_or_default();
    format!("{start} {verb} by {by} (limit {limit}){now}.")
}

fn siblings(seen: &SiblingsSeen<'_>, clock: &Clock) -> String {
    let SiblingsSeen { value, median, siblings, expected, unit, .. } = seen;
    let start = opened(seen.since, &seen.name.en, clock);
    let state = seen.state.as_ref().map(|it| format!(" in state {}", it.en)).unwrap_or_default();
    let by = |level: f64| signed_difference(level - median, seen.quantity, *unit);
    let (off, usual) = (by(*value), by(expected.median));
    let (value, median) = (amount(*value, *unit), amount(*median, *unit));
    let from = learned(seen.learned_over, expected.samples);
    format!(
        "{start} is {value} while {siblings} sister machines{state} show {median} (median): a \
         difference of {off}, usually {usual} ({from})."
    )
}

fn normals(signals: &[NormalSeen]) -> String {
    signals.iter().map(normal).collect::<Vec<_>>().join("; ")
}

fn normal(signal: &NormalSeen) -> String {
    let (name, value) = (mid_sentence(&signal.name.en), amount(signal.value, signal.unit));
    match signal.band {
        Some([low, high]) => format!("{name} {value} (normal {}–{})", figure(low), figure(high)),
        None => format!("{name} {value}"),
    }
}

pub(super) fn outlook(outlook: &&Outlook) -> String {
    let when = match days_only([outlook.earliest, outlook.latest]) {
        Some([from, to]) => format!("{from} to {to} days"),
        None => format!("{} to {}", span(outlook.earliest), span(outlook.latest)),
    };
    let (limit, over) = (&outlook.limit.en, span(outlook.fitted_over));
    format!("If nothing is done: {limit} in {when} (80 % interval, trend of {over}).")
}

pub(super) fn action(action: &Action) -> String {
    match action {
        Action::Decide(test) => {
            let tools = if test.tools { "" } else { ", no tools" };
            format!("Decide first: {} ({} min{tools}).", mid_sentence(&test.text.en), test.minutes)
        }
        Action::Do(text) => text.en.clone(),
        Action::IfConfirmed(text) => format!("If confirmed: {}", mid_sentence(&text.en)),
        Action::Then(text) => format!("Then: {}", mid_sentence(&text.en)),
        Action::Work { parts, hours } => {
            let parts: Vec<&str> = parts.iter().map(|it| it.en.as_str()).collect();
            let parts = match parts.as_slice() {
                [] => String::new(),
                parts => format!("Parts: {}. ", parts.join(", ")),
            };
            let hours = hours.map(|it| match it.repairs {
                0 => format!("About {:.1} h (general experience).", it.hours),
                1 => format!("About {:.1} h (1 earlier repair).", it.hours),
                count => format!("About {:.1} h (median of {count} repairs).", it.hours),
            });
            format!("{parts}{}", hours.unwrap_or_default()).trim_end().to_owned()
        }
    }
}

pub(super) fn footer(foot: &Foot) -> String {
    match foot {
        Foot::NoQuality => "Data quality: not counted.".into(),
        Foot::Quality(quality) => {
            let total = quality.good + quality.uncertain + quality.bad;
            let count = grouped(&total.to_string());
            let share = share(quality.good, total);
            let over = span(quality.over);
            let bare = format!("Data: {share} of {count} readings in {over} are good");
            let defects = [
                (quality.uncertain, "uncertain"),
                (quality.bad, "bad"),
                (quality.late, "too late"),
            ];
            let defects = defects.iter().filter(|(number, _)| 0 < *number);
            let told =
                defects.map(|(number, word)| format!("{} {word}", grouped(&number.to_string())));
            format!("{}.", std::iter::once(bare).chain(told).collect::<Vec<_>>().join(", "))
        }
        Foot::Rules(rules) => {
            let told: Vec<String> = rules.iter().map(|(id, v)| format!("{id} v{v}")).collect();
            format!("Rule{} {}.", if told.len() == 1 { "" } else { "s" }, told.join(", "))
        }
        Foot::Speed(Some(name)) => {
            format!("Shaft speed measured as \"{}\".", mid_sentence(&name.en))
        }
        Foot::Speed(None) => "Shaft speed from the burst itself.".into(),
    }
}

/// `Since 19 Nov 21:40, oil temperature`, or `Oil temperature` where the time is not news.
fn opened(since: Option<Time>, name: &str, clock: &Clock) -> String {
    match since {
        Some(at) => format!("Since {}, {}", clock.time_en(at), mid_sentence(name)),
        None => name.to_owned(),
    }
}

fn learned(over: Span, samples: u64) -> String {
    let samples = grouped(&samples.to_string());
    match days(over) {
        ..1 => format!("learned in {}, {samples} samples", span(over)),
        1 => format!("1 day, {samples} samples"),
        days => format!("{days} days, {samples} samples"),
    }
}

fn far(distance: Distance) -> String {
    match distance {
        Distance::Difference(by, unit) if by < 0.0 => format!("{} below usual", amount(-by, unit)),
        Distance::Difference(by, unit) => format!("{} above usual", amount(by, unit)),
        Distance::Percent(by) if by < 0.0 => format!("{:.0} % below usual", -by),
        Distance::Percent(by) => format!("{by:.0} % above usual"),
        Distance::Times(by) => format!("{by:.1} × the usual"),
    }
}

fn percent_off(found: f64, expected: f64) -> String {
    let off = ((found - expected) / expected * 100.0).abs();
    if off < 0.05 { "less than 0.1 %".to_owned() } else { format!("{off:.1} %") }
}

fn span(span: Span) -> String {
    let [(large, unit), (small, small_unit)] = parts(span);
    let word = |count, unit| match unit {
        SpanUnit::Day if count == 1 => "day",
        SpanUnit::Day => "days",
        SpanUnit::Hour => "h",
        SpanUnit::Minute => "min",
        SpanUnit::Second => "s",
    };
    match small {
        0 => format!("{large} {}", word(large, unit)),
        _ => format!("{large} {} {small} {}", word(large, unit), word(small, small_unit)),
    }
}
