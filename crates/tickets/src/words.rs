//! What the course of a ticket says to people, in both languages.

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::TicketState;
use forewarn_domain::ticket::clock::{ClockKind, TraceDay, TraceLine};
use forewarn_domain::ticket::escalation::Condition;
use forewarn_domain::time::{Span, Time};

/// A time as a shop floor reads it, in the zone of its calendar.
pub(crate) fn moment(at: Time, zone: Tz) -> String {
    at.to_utc().with_timezone(&zone).format("%m-%d %H:%M").to_string()
}

/// The name of what a clock measures.
#[must_use]
pub fn clock_name(kind: ClockKind) -> Localized {
    match kind {
        ClockKind::Respond => Localized::new("response", "响应"),
        ClockKind::Arrive => Localized::new("arrival", "到场"),
        ClockKind::Repair => Localized::new("repair", "修复"),
        ClockKind::Verify => Localized::new("check", "验收"),
    }
}

pub(crate) fn due_soon(kind: ClockKind, due: &str) -> Localized {
    let name = clock_name(kind);
    Localized::new(
        format!("{} is due at {due}", name.en),
        format!("{}时限将于 {due} 到期", name.zh),
    )
}

pub(crate) fn overdue(kind: ClockKind, due: &str) -> Localized {
    let name = clock_name(kind);
    Localized::new(
        format!("{} was due at {due} and has not happened", name.en),
        format!("{}已超时（应于 {due} 前完成）", name.zh),
    )
}

/// Why a step is taken.
pub(crate) fn because(condition: Condition, after: Span) -> Localized {
    let long = span(after);
    let (en, zh) = match condition {
        Condition::Unaccepted => ("nobody has taken it for", "无人接单"),
        Condition::Absent => ("nobody is at the machine after", "无人到场"),
        Condition::InWork => ("in work for", "处理中"),
        Condition::Unfinished => ("not done after", "未完工"),
        Condition::Unverified => ("done, but not checked for", "完工未验收"),
    };
    Localized::new(format!("{en} {}", long.en), format!("{}{zh}", long.zh))
}

pub(crate) fn span(span: Span) -> Localized {
    let text = span.to_string();
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
    let zh = match unit {
        "d" => "天",
        "h" => "小时",
        "m" => "分钟",
        "s" => "秒",
        other => other,
    };
    Localized::new(text.clone(), format!("{number}{zh}"))
}

pub(crate) fn given_to(group: &Localized) -> Localized {
    let zh = if group.zh.is_empty() { &group.en } else { &group.zh };
    Localized::new(format!("given to {}", group.en), format!("转交{zh}"))
}

pub(crate) fn told(names: &[String]) -> Localized {
    if names.is_empty() {
        return Localized::new("told whoever reads the channel", "已通知渠道全体");
    }
    Localized::new(format!("told {}", names.join(", ")), format!("已通知{}", names.join("、")))
}

pub(crate) fn offered(areas: usize) -> Localized {
    Localized::new(
        format!("offered to {areas} neighbouring areas; whoever accepts first has it"),
        format!("已向相邻 {areas} 个区域发起抢单"),
    )
}

/// Why a person was chosen, and who came next.
pub(crate) fn chosen(ranked: &[crate::dispatch::Candidate]) -> Localized {
    let Some(best) = ranked.first() else {
        return Localized::new("nobody who could go is on duty", "当前无可派人员");
    };
    let next: Vec<String> =
        ranked.iter().skip(1).take(2).map(|it| format!("{} {:.2}", it.name, it.score)).collect();
    let (en, zh) = if next.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("; next: {}", next.join(", ")), format!("；次选：{}", next.join("、")))
    };
    Localized::new(
        format!("{} is named, score {:.2}{en}", best.name, best.score),
        format!("指派 {}，得分 {:.2}{zh}", best.name, best.score),
    )
}

pub(crate) fn used_before(used: Span) -> Localized {
    let used = hours(used);
    Localized::new(format!("{} were used before", used.en), format!("此前已用 {}", used.zh))
}

/// A line of a deadline's count.
pub(crate) fn trace_line(line: &TraceLine, zone: Tz) -> Localized {
    let first = day(line.from_date);
    let name = if line.name.zh.is_empty() { &line.name.en } else { &line.name.zh };
    if let (Some(from), Some(to)) = (line.from, line.to) {
        let counted = hours(to - from);
        let clock = |at: Time| at.to_utc().with_timezone(&zone).format("%H:%M").to_string();
        let (en, zh) = match line.day {
            TraceDay::MakeUp => (format!(" ({})", line.name.en), format!("（{name}）")),
            TraceDay::Working | TraceDay::Holiday | TraceDay::Off => Default::default(),
        };
        return Localized::new(
            format!("{}{en} {}–{}: {}", first.en, clock(from), clock(to), counted.en),
            format!("{}{zh} {}–{}，计 {}", first.zh, clock(from), clock(to), counted.zh),
        );
    }
    let days = if line.to_date == line.from_date {
        first
    } else {
        let last = day(line.to_date);
        Localized::new(
            format!("{} to {}", first.en, last.en),
            format!("{} 至 {}", first.zh, last.zh),
        )
    };
    let (en, zh) = match line.day {
        TraceDay::Holiday | TraceDay::MakeUp => (line.name.en.as_str(), name.as_str()),
        TraceDay::Working | TraceDay::Off => ("no work", "非工作时间"),
    };
    Localized::new(format!("{}: {en}, not counted", days.en), format!("{}：{zh}，不计", days.zh))
}

/// A date with its weekday.
fn day(date: NaiveDate) -> Localized {
    let zh = match date.weekday() {
        Weekday::Mon => "周一",
        Weekday::Tue => "周二",
        Weekday::Wed => "周三",
        Weekday::Thu => "周四",
        Weekday::Fri => "周五",
        Weekday::Sat => "周六",
        Weekday::Sun => "周日",
    };
    let short = date.format("%m-%d");
    Localized::new(format!("{} {short}", date.format("%a")), format!("{short} {zh}"))
}

/// Hours and minutes.
fn hours(span: Span) -> Localized {
    let minutes = span.micros() / 60_000_000;
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (hours, rest) {
        (0, _) => Localized::new(format!("{rest} min"), format!("{rest} 分钟")),
        (_, 0) => Localized::new(format!("{hours} h"), format!("{hours} 小时")),
        _ => Localized::new(format!("{hours} h {rest} min"), format!("{hours} 小时 {rest} 分钟")),
    }
}

pub(crate) fn unshelved() -> Localized {
    Localized::new("back from the shelf", "搁置到期，恢复处理")
}

/// States that were passed over.
#[must_use]
pub fn skipped(states: &[TicketState]) -> Localized {
    if states.is_empty() {
        return Localized::default();
    }
    let names: Vec<Localized> = states.iter().map(|it| state_name(*it)).collect();
    let en: Vec<&str> = names.iter().map(|it| it.en.as_str()).collect();
    let zh: Vec<&str> = names.iter().map(|it| it.zh.as_str()).collect();
    Localized::new(format!("without: {}", en.join(", ")), format!("跳过：{}", zh.join("、")))
}

fn state_name(state: TicketState) -> Localized {
    match state {
        TicketState::ToAssign => Localized::new("to be assigned", "待派单"),
        TicketState::Assigned => Localized::new("assigned", "已派单"),
        TicketState::Accepted => Localized::new("accepted", "已接单"),
        TicketState::Departed => Localized::new("on the way", "已出发"),
        TicketState::OnSite => Localized::new("on site", "已到场"),
        TicketState::InProgress => Localized::new("in work", "处理中"),
        TicketState::Waiting => Localized::new("waiting", "等待中"),
        TicketState::Done => Localized::new("done", "已完工"),
        TicketState::Verified => Localized::new("checked", "已验收"),
        TicketState::Closed => Localized::new("closed", "已关闭"),
        TicketState::FalseAlarm => Localized::new("false alarm", "误报"),
        TicketState::Duplicate => Localized::new("duplicate", "重复"),
    }
}

/// Several sentences as one.
pub(crate) fn joined(parts: &[Localized]) -> Localized {
    let parts: Vec<&Localized> = parts.iter().filter(|it| !it.en.is_empty()).collect();
    let en: Vec<&str> = parts.iter().map(|it| it.en.as_str()).collect();
    let zh: Vec<&str> = parts.iter().map(|it| it.zh.as_str()).collect();
    Localized::new(en.join("; "), zh.join("；"))
}
