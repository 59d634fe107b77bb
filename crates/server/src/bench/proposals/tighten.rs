//! How a rule would read that lets the rejected anomalies pass and still sees every confirmed one.
//!
//! Three ways, each only where it separates the two cleanly: a higher limit, a longer time, one more of
//! the last readings. A function of what was said; whether it holds, the run over the stored history
//! shows. Deliberately absent: operating states (a gate is better where it fits), and stores.

use forewarn_domain::text::Localized;
use forewarn_domain::time::Span;

/// One anomaly of the rule, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Departure {
    /// How far it went at most, in the unit of the rule's `on`, as seen in the rule's direction.
    pub(crate) reached: Option<f64>,
    /// How long it lasted; `None` while it goes on.
    pub(crate) lasted: Option<Span>,
}

/// The rule as it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Written {
    pub(crate) on: Option<f64>,
    pub(crate) alarm: Option<f64>,
    pub(crate) is_below: bool,
    pub(crate) hold: Option<Span>,
    pub(crate) clear_for: Option<Span>,
    pub(crate) n_of_m: Option<(u32, u32)>,
}

/// A field with its new value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// The kind of proposal.
    pub(crate) kind: &'static str,
    pub(crate) field: &'static str,
    /// As TOML.
    pub(crate) value: String,
    /// What changes, in words.
    pub(crate) what: Localized,
}

impl Written {
    /// Reads the fields out of a rule's own lines.
    pub(crate) fn read(rule: &toml::Table) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "people write small numbers")]
        let number = |name: &str| {
            let value = rule.get(name)?;
            value.as_float().or_else(|| value.as_integer().map(|it| it as f64))
        };
        let span = |name: &str| rule.get(name)?.as_str()?.parse().ok();
        let pair = rule.get("n_of_m").and_then(toml::Value::as_array).and_then(|it| {
            let of = |at: usize| u32::try_from(it.get(at)?.as_integer()?).ok();
            Some((of(0)?, of(1)?))
        });
        Self {
            on: number("on"),
            alarm: number("alarm"),
            is_below: rule.get("direction").and_then(toml::Value::as_str) == Some("below"),
            hold: span("for"),
            clear_for: span("clear_for"),
            n_of_m: pair,
        }
    }
}

/// Every change that separates what was rejected from what was confirmed.
pub(crate) fn changes(
    rule: &Written,
    rejected: &[Departure],
    confirmed: &[Departure],
) -> Vec<Change> {
    let needed = if confirmed.is_empty() { ALONE_MIN } else { BESIDE_MIN };
    if rejected.len() < needed {
        return Vec::new();
    }
    let ways = [limit, duration, often];
    ways.iter().filter_map(|way| way(rule, rejected, confirmed)).collect()
}

/// A limit beyond everything that was rejected, nearer to it than to what was confirmed.
fn limit(rule: &Written, rejected: &[Departure], confirmed: &[Departure]) -> Option<Change> {
    let on = rule.on?;
    // What lies below a limit is turned round, so that more is always worse.
    let turn = |value: f64| if rule.is_below { -value } else { value };
    let reached: Option<Vec<f64>> = rejected.iter().map(|it| it.reached.map(turn)).collect();
    let worst = reached?.into_iter().reduce(f64::max)?;
    let known: Option<Vec<f64>> = confirmed.iter().map(|it| it.reached.map(turn)).collect();
    let mildest = known?.into_iter().reduce(f64::min);
    let room = match mildest {
        Some(mildest) if worst < mildest => (mildest - worst) / 4.0,
        Some(_) => return None,
        None => ((worst - turn(on)) / 2.0).max(0.02 * on.abs()),
    };
    let new = turn(rounded(worst + room, room));
    let is_worse = turn(on) < turn(new);
    let is_below_alarm = rule.alarm.is_none_or(|alarm| turn(new) < turn(alarm));
    let is_apart = worst < turn(new) && mildest.is_none_or(|mildest| turn(new) < mildest);
    let value = toml_number(new);
    (is_worse && is_below_alarm && is_apart).then(|| Change {
        kind: "limit",
        field: "on",
        value: value.clone(),
        what: Localized::new(
            format!("let it begin at {value} instead of {on}"),
            format!("建议将触发限值由 {on} 改为 {value}"),
        ),
    })
}

/// A time that nothing rejected lasted and that is half at most of what was confirmed.
fn duration(rule: &Written, rejected: &[Departure], confirmed: &[Departure]) -> Option<Change> {
    if rule.n_of_m.is_some() {
        return None;
    }
    let (longest, shortest) = lasting(rule, rejected, confirmed)?;
    let secs = longest.micros() / 1_000_000;
    let new = Span::from_secs(round_up(secs + secs / 4 + 1));
    let is_longer = rule.hold.is_none_or(|hold| hold < new);
    let is_soon = new <= LONGEST && shortest.is_none_or(|it| new.micros() * 2 <= it.micros());
    (is_longer && is_soon).then(|| Change {
        kind: "duration",
        field: "for",
        value: format!("\"{new}\""),
        what: Localized::new(
            format!("let it wait until the signal has been beyond the limit for {new}"),
            format!("建议持续 {new} 后再报"),
        ),
    })
}

/// Two more of two more readings, for rules that look at captured waveforms.
fn often(rule: &Written, rejected: &[Departure], confirmed: &[Departure]) -> Option<Change> {
    let (n, m) = rule.n_of_m?;
    let (longest, shortest) = lasting(rule, rejected, confirmed)?;
    let is_apart = shortest.is_none_or(|it| longest.micros() * 2 <= it.micros());
    let (n, m) = (n + 2, m + 2);
    (is_apart && m <= 64).then(|| Change {
        kind: "n_of_m",
        field: "n_of_m",
        value: format!("[{n}, {m}]"),
        what: Localized::new(
            format!("let it wait for {n} of the last {m} readings"),
            format!("建议最近 {m} 次读数中有 {n} 次超限后再报"),
        ),
    })
}

/// The longest time that something rejected lasted, and the shortest of what was confirmed and is
/// over; `None` while something rejected still goes on. The way back took `clear_for` of it.
fn lasting(
    rule: &Written,
    rejected: &[Departure],
    confirmed: &[Departure],
) -> Option<(Span, Option<Span>)> {
    let back = rule.clear_for.unwrap_or(CLEAR_FOR);
    let beyond =
        |it: Span| if back < it { Span::from_micros(it.micros() - back.micros()) } else { it };
    let lasted: Option<Vec<Span>> = rejected.iter().map(|it| it.lasted.map(beyond)).collect();
    let shortest = confirmed.iter().filter_map(|it| it.lasted.map(beyond)).min();
    Some((lasted?.into_iter().max()?, shortest))
}

/// As many digits as the room that there is needs.
fn rounded(value: f64, room: f64) -> f64 {
    let step = 10_f64.powf((room / 2.0).max(f64::MIN_POSITIVE).log10().floor());
    (value / step).round() * step
}

fn toml_number(value: f64) -> String {
    // A float in TOML has a point; rounding leaves digits that nobody wrote.
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

fn round_up(secs: i64) -> i64 {
    let step = if secs < 120 { 5 } else { 60 };
    (secs + step - 1) / step * step
}

/// Rejected anomalies that a change needs beside confirmed ones, and without any.
const BESIDE_MIN: usize = 5;
const ALONE_MIN: usize = 10;

/// Who waits longer than this need not be told at once.
const LONGEST: Span = Span::from_secs(3_600);

/// As in the rule file.
const CLEAR_FOR: Span = Span::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn departures(of: &[(f64, i64)]) -> Vec<Departure> {
        let one = |(reached, secs): &(f64, i64)| Departure {
            reached: Some(*reached),
            lasted: (0 < *secs).then(|| Span::from_secs(*secs)),
        };
        of.iter().map(one).collect()
    }

    fn rule() -> Written {
        Written {
            on: Some(70.0),
            alarm: Some(85.0),
            hold: Some(Span::from_secs(20)),
            clear_for: Some(Span::from_secs(60)),
            ..Written::default()
        }
    }

    fn told(changes: &[Change]) -> Vec<(&str, &str)> {
        changes.iter().map(|it| (it.field, it.value.as_str())).collect()
    }

    #[test]
    fn a_limit_moves_between_what_was_rejected_and_what_was_confirmed() {
        let rejected = departures(&[(71.0, 0), (72.0, 0), (71.5, 0), (70.5, 0), (72.4, 0)]);
        let confirmed = departures(&[(80.4, 0), (84.0, 0)]);
        assert_eq!(told(&changes(&rule(), &rejected, &confirmed)), [("on", "74.0")]);
        let mixed = departures(&[(72.2, 0)]);
        assert_eq!(changes(&rule(), &rejected, &mixed), [], "the two do not lie apart");
        let few = &rejected[..4];
        assert_eq!(changes(&rule(), few, &confirmed), [], "four may be chance");
        assert_eq!(changes(&rule(), &rejected, &[]), [], "and five without a fault beside them");
    }

    #[test]
    fn a_limit_below_moves_down() {
        let rule = Written { on: Some(2.0), alarm: Some(0.5), is_below: true, ..rule() };
        let rejected = departures(&[(1.9, 0), (1.8, 0), (1.7, 0), (1.8, 0), (1.9, 0)]);
        let confirmed = departures(&[(0.9, 0)]);
        assert_eq!(told(&changes(&rule, &rejected, &confirmed)), [("on", "1.5")]);
    }

    #[test]
    fn a_time_is_proposed_where_false_alarms_are_short_and_faults_last() {
        let rejected = departures(&[(90.0, 100), (90.0, 90), (90.0, 95), (90.0, 100), (90.0, 99)]);
        let confirmed = departures(&[(80.0, 0), (81.0, 4_000)]);
        assert_eq!(told(&changes(&rule(), &rejected, &confirmed)), [("for", "\"55s\"")]);
        let short = departures(&[(80.0, 150)]);
        assert_eq!(changes(&rule(), &rejected, &short), [], "a fault of 90 s would be seen late");
        let lasting = [rejected, departures(&[(90.0, 0)])].concat();
        assert_eq!(changes(&rule(), &lasting, &confirmed), [], "one still goes on");
    }

    #[test]
    fn rules_of_waveforms_wait_for_more_of_them() {
        let rule = Written { n_of_m: Some((3, 4)), on: None, ..rule() };
        let rejected = departures(&[(0.0, 100); 5]);
        let confirmed = departures(&[(0.0, 0)]);
        assert_eq!(told(&changes(&rule, &rejected, &confirmed)), [("n_of_m", "[5, 6]")]);
    }

    #[test]
    fn fields_are_read_as_people_write_them() {
        let text = "on = 70\nalarm = 85.5\nfor = \"20s\"\nn_of_m = [3, 4]\ndirection = \"below\"";
        let read = Written::read(&toml::from_str(text).expect("TOML"));
        let expected = Written {
            on: Some(70.0),
            alarm: Some(85.5),
            is_below: true,
            hold: Some(Span::from_secs(20)),
            clear_for: None,
            n_of_m: Some((3, 4)),
        };
        assert_eq!(read, expected);
    }
}
