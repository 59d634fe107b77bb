//! What a message says, from the facts that were written with it: one message, or a digest of many.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_domain::id::{DeviceId, PersonId};
use forewarn_domain::people::People;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::site::shared::{Respect, Shared, shared};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{TicketEvent, TicketState, WaitingFor};
use forewarn_domain::time::Time;
use forewarn_notify::Message as Notification;
use forewarn_notify::message::{Line, Text};
use forewarn_store::records::{Facts, Message};
use serde_json::{Value, json};

use super::Notify;

/// The message to be sent for what was taken.
pub(super) fn message(
    stage: &Notify,
    taken: &[Message],
    digest: Option<&str>,
    links: Option<&str>,
    people: Option<&People>,
) -> Notification {
    let mut message = match (digest, taken) {
        (None, [one]) => single(stage, one, links),
        _ => digest_of(stage, taken, digest.unwrap_or_default(), links),
    };
    let mut called: Vec<&PersonId> = taken.iter().flat_map(|it| &it.facts.to).collect();
    called.sort();
    called.dedup();
    if !called.is_empty() {
        let person = |id: &&PersonId| people.and_then(|it| it.person(id));
        message.text.call = called.iter().filter_map(person).map(|it| it.reach.clone()).collect();
        let name = |id: &&PersonId| person(id).map_or_else(|| id.to_string(), |it| it.name.clone());
        let names = called.iter().map(name).collect::<Vec<_>>();
        let names = Localized::new(names.join(", "), names.join("、"));
        message.text.lines.insert(0, Line::new(Localized::new("For", "通知"), names));
    }
    message
}

fn single(stage: &Notify, message: &Message, links: Option<&str>) -> Notification {
    Notification {
        id: message.key.clone(),
        site: stage.plant.site.id.clone(),
        kind: match message.ticket {
            None => format!("{}.v1", message.what),
            Some(_) => format!("ticket.{}.v1", message.what),
        },
        subject: message.facts.number.clone(),
        at: message.created_at,
        body: body(message),
        text: Text {
            title: title(message),
            lines: lines(&message.facts, &stage.plant),
            total: None,
            priority: message.facts.priority,
            link: link(links, message),
            thread: message.ticket.map(|it| format!("ticket/{it}")),
            call: Vec::new(),
        },
    }
}

fn digest_of(stage: &Notify, taken: &[Message], key: &str, links: Option<&str>) -> Notification {
    let mut sorted: Vec<&Message> = taken.iter().collect();
    sorted.sort_by_key(|it| (it.facts.priority.is_none(), it.facts.priority, it.id));
    let mut numbers: Vec<&str> = taken.iter().map(|it| it.facts.number.as_str()).collect();
    numbers.retain(|it| !it.is_empty());
    numbers.sort_unstable();
    numbers.dedup();
    let list = ranges(&numbers);
    let count = taken.len();
    Notification {
        id: key.to_owned(),
        site: stage.plant.site.id.clone(),
        kind: "digest.v1".to_owned(),
        subject: format!("{count}"),
        at: taken.iter().map(|it| it.created_at).max().unwrap_or_default(),
        body: json!({"messages": sorted.iter().map(|it| body(it)).collect::<Vec<Value>>()}),
        text: Text {
            title: Localized::new(
                format!("{count} messages about {} tickets", numbers.len()),
                format!("{count} 条消息，涉及 {} 张工单", numbers.len()),
            ),
            lines: storm_lines(taken, &stage.plant)
                .into_iter()
                .chain(sorted.iter().map(|it| digest_line(it, &stage.plant)))
                .collect(),
            total: Some(Localized::new(
                format!("All {}: {list}", numbers.len()),
                format!("全部 {} 张：{list}", numbers.len()),
            )),
            priority: sorted.first().and_then(|it| it.facts.priority),
            link: links.map(|it| format!("{it}/tickets")),
            thread: None,
            call: Vec::new(),
        },
    }
}

fn body(message: &Message) -> Value {
    let facts = &message.facts;
    json!({
        "event": message.what,
        "ticket": message.ticket,
        "number": facts.number,
        "device": facts.device,
        "component": facts.component,
        "fault_family": facts.family,
        "kind": facts.kind,
        "priority": facts.priority,
        "state": facts.state,
        "owner": facts.owner,
        "called": facts.to,
        "waiting_for": facts.waiting_for,
        "headline": facts.headline,
        "urgency": facts.urgency,
        "cause": facts.cause,
        "occurrences": facts.occurrences,
        "opened_at": facts.opened_at,
        "at": message.created_at,
    })
}

fn title(message: &Message) -> Localized {
    let Facts { number, headline, .. } = &message.facts;
    let what = event(&message.what);
    let title = |what: &str, headline: &str| {
        let parts = [number.as_str(), what, headline];
        parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let zh = if headline.zh.is_empty() { &headline.en } else { &headline.zh };
    Localized { en: title(&what.en, &headline.en), zh: title(&what.zh, zh) }
}

fn lines(facts: &Facts, plant: &Plant) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |en: &str, zh: &str, value: Option<Localized>| {
        if let Some(value) = value.filter(|it| !it.en.is_empty()) {
            lines.push(Line::new(Localized::new(en, zh), value));
        }
    };
    add("Device", "设备", facts.device.as_ref().map(|it| device(it, plant)));
    add("Part", "部件", facts.component.as_ref().map(|it| Localized::same(it.as_str())));
    add("Urgency", "紧急程度", Some(facts.urgency.clone()));
    add(
        "Likely cause",
        "可能原因",
        facts.cause.as_ref().map(|it| {
            let percent = (it.p * 100.0).round();
            let zh = if it.name.zh.is_empty() { &it.name.en } else { &it.name.zh };
            Localized::new(format!("{} ({percent} %)", it.name.en), format!("{zh}（{percent} %）"))
        }),
    );
    add("First", "先做", facts.action.clone());
    add("State", "状态", facts.state.map(|it| state(it, facts.waiting_for)));
    add("Owner", "负责人", facts.owner.as_ref().map(Localized::same));
    if 1 < facts.occurrences {
        let often = Localized::same(facts.occurrences.to_string());
        add("Occurrences", "发生次数", Some(often));
    }
    lines
}

/// A line for each incident of the messages: how many machines, and what they have in common.
fn storm_lines(messages: &[Message], plant: &Plant) -> Vec<Line> {
    let mut devices: BTreeMap<&str, BTreeSet<DeviceId>> = BTreeMap::new();
    // The messages before the eleventh ticket do not know yet what they are the beginning of.
    let mut newest = messages.iter().find_map(|it| it.facts.incident.as_deref());
    for facts in messages.iter().map(|it| &it.facts) {
        newest = facts.incident.as_deref().or(newest);
        if let (Some(incident), Some(device)) = (newest, &facts.device) {
            devices.entry(incident).or_default().insert(device.clone());
        }
    }
    let line = |(incident, devices): (&str, BTreeSet<DeviceId>)| {
        let common = shared(plant, &devices).first().map(common).unwrap_or_default();
        let (en, zh) = match devices.len() {
            1 => ("1 machine at once".to_owned(), "1 台设备同时报警".to_owned()),
            count => (format!("{count} machines at once"), format!("{count} 台设备同时报警")),
        };
        let told = Localized { en: en + &common.en, zh: zh + &common.zh };
        Line::new(Localized::same(incident), told)
    };
    devices.into_iter().map(line).collect()
}

fn common(shared: &Shared) -> Localized {
    let Shared { respect, name, in_trouble, of, of_plant } = shared;
    let (en, zh) = match respect {
        Respect::Agent => ("gateway", "网关"),
        Respect::Area => ("area", "区域"),
        Respect::Class => ("class", "设备类别"),
        Respect::Link => ("link", "链路"),
        Respect::ProductionLine => ("production line", "产线"),
    };
    Localized::new(
        format!("; common to {in_trouble} of {of}: {en} {name} (which has {of_plant})"),
        format!("；其中 {in_trouble} 台同属{zh} {name}（该{zh}共 {of_plant} 台）"),
    )
}

fn digest_line(message: &Message, plant: &Plant) -> Line {
    let Facts { number, priority, headline, device: id, .. } = &message.facts;
    let label = match priority {
        Some(priority) => format!("{priority} {number}"),
        None => number.clone(),
    };
    let what = event(&message.what);
    let name = id.as_ref().map(|it| device(it, plant)).unwrap_or_default();
    let line = |parts: [&str; 3]| {
        parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" · ")
    };
    let zh = if headline.zh.is_empty() { &headline.en } else { &headline.zh };
    let name_zh = if name.zh.is_empty() { &name.en } else { &name.zh };
    let value = Localized {
        en: line([&what.en, &name.en, &headline.en]),
        zh: line([&what.zh, name_zh, zh]),
    };
    Line::new(Localized::same(label.trim()), value)
}

fn device(id: &DeviceId, plant: &Plant) -> Localized {
    match plant.device(id).map(|it| &it.device.name) {
        Some(name) => {
            let zh = if name.zh.is_empty() { &name.en } else { &name.zh };
            Localized::new(format!("{} ({id})", name.en), format!("{zh}（{id}）"))
        }
        None => Localized::same(id.as_str()),
    }
}

fn link(links: Option<&str>, message: &Message) -> Option<String> {
    let links = links?;
    Some(match message.ticket {
        Some(_) => format!("{links}/t/{}", message.facts.number),
        None if message.what == "day" => format!("{links}/tickets"),
        None => format!("{links}/health"),
    })
}

/// What happened, in a word; a new ticket needs none.
fn event(what: &str) -> Localized {
    use TicketEvent as E;
    let Ok(event) = what.parse() else { return Localized::default() };
    let (en, zh) = match event {
        E::Opened => ("", ""),
        E::Accept => ("accepted:", "已接单："),
        E::Arrive => ("on site:", "已到场："),
        E::Assign => ("assigned:", "已派单："),
        E::Cleared => ("signal back to normal:", "信号恢复正常："),
        E::Close => ("closed:", "已关闭："),
        E::Depart => ("on the way:", "已出发："),
        E::DueSoon => ("due soon:", "即将超时："),
        E::Duplicate => ("covered by another ticket:", "重复工单："),
        E::Escalated => ("escalated:", "已升级："),
        E::FalseAlarm => ("false alarm:", "误报："),
        E::Finish => ("work done:", "已完工："),
        E::NotVerified => ("signal not back to normal after the repair:", "维修后信号未恢复："),
        E::Overdue => ("overdue:", "已超时："),
        E::Recurred => ("came again:", "再次发生："),
        E::Reopen => ("reopened:", "重新打开："),
        E::Resume => ("work goes on:", "继续处理："),
        E::Shelve => ("laid aside:", "已搁置："),
        E::Start => ("in work:", "处理中："),
        E::Unshelve => ("taken up again:", "取消搁置："),
        E::Unshelved => ("time on the shelf is over:", "搁置到期："),
        E::Verify => ("verified:", "已验证："),
        E::Wait => ("waiting:", "挂起："),
    };
    Localized::new(en, zh)
}

fn state(state: TicketState, waiting_for: Option<WaitingFor>) -> Localized {
    match (state, waiting_for) {
        (TicketState::Waiting, Some(WaitingFor::Outside)) => {
            Localized::new("waiting for somebody from outside", "等外部人员")
        }
        (TicketState::Waiting, Some(WaitingFor::Part)) => {
            Localized::new("waiting for a spare part", "等备件")
        }
        (TicketState::Waiting, Some(WaitingFor::Window)) => {
            Localized::new("waiting for a planned stop", "等停机窗口")
        }
        (TicketState::Waiting, None) => Localized::new("waiting", "挂起"),
        (TicketState::ToAssign, _) => Localized::new("nobody's yet", "待派单"),
        (TicketState::Assigned, _) => Localized::new("assigned", "已派单"),
        (TicketState::Accepted, _) => Localized::new("accepted", "已接单"),
        (TicketState::Departed, _) => Localized::new("on the way", "已出发"),
        (TicketState::OnSite, _) => Localized::new("on site", "已到场"),
        (TicketState::InProgress, _) => Localized::new("in work", "处理中"),
        (TicketState::Done, _) => Localized::new("work done, check pending", "已完工，待验证"),
        (TicketState::Verified, _) => Localized::new("verified", "已验证"),
        (TicketState::Closed, _) => Localized::new("closed", "已关闭"),
        (TicketState::FalseAlarm, _) => Localized::new("false alarm", "误报"),
        (TicketState::Duplicate, _) => Localized::new("covered by another ticket", "重复工单"),
    }
}

/// Sorted numbers in few letters: neighbours become a range, so that a thousand fit in a line.
pub(super) fn ranges(numbers: &[&str]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut open: Option<(&str, u64, &str, &str)> = None;
    for number in numbers {
        let (stem, count) = match number.rsplit_once('-') {
            Some((stem, count)) => (stem, count),
            None => ("", *number),
        };
        let value = count.parse::<u64>().unwrap_or(u64::MAX);
        open = Some(match open {
            Some((known, last, first, _))
                if known == stem && last.checked_add(1) == Some(value) =>
            {
                (stem, value, first, count)
            }
            other => {
                parts.extend(other.map(range));
                (stem, value, *number, count)
            }
        });
    }
    parts.extend(open.map(range));
    parts.join(", ")
}

fn range((_, _, first, last): (&str, u64, &str, &str)) -> String {
    if first.ends_with(last) { first.to_owned() } else { format!("{first}–{last}") }
}

/// What the test button sends.
pub(super) fn test_message(
    stage_site: &forewarn_domain::id::SiteId,
    id: &str,
    at: Time,
) -> Notification {
    let text = Text {
        title: Localized::new("Test message from Forewarn", "Forewarn 测试消息"),
        lines: vec![Line::new(
            Localized::default(),
            Localized::new(
                format!("Message channel {id} works. Nothing is to be done."),
                format!("消息渠道 {id} 工作正常，无需处理。"),
            ),
        )],
        ..Text::default()
    };
    Notification {
        id: format!("test/{id}/{}", at.micros()),
        site: stage_site.clone(),
        kind: "test.v1".to_owned(),
        subject: "test".to_owned(),
        at,
        body: json!({"test": true}),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_numbers_become_ranges_and_none_is_missing() {
        let check = |numbers: &[&str], expected: &str| assert_eq!(ranges(numbers), expected);
        check(&[], "");
        check(&["FW-2026-0007"], "FW-2026-0007");
        check(&["FW-2026-0007", "FW-2026-0008", "FW-2026-0009"], "FW-2026-0007–0009");
        check(
            &["FW-2026-0001", "FW-2026-0003", "FW-2026-0004", "FW-2027-0005"],
            "FW-2026-0001, FW-2026-0003–0004, FW-2027-0005",
        );
        let thousand: Vec<String> = (1..=1000).map(|it| format!("FW-2026-{it:04}")).collect();
        let thousand: Vec<&str> = thousand.iter().map(String::as_str).collect();
        check(&thousand, "FW-2026-0001–1000");
    }
}
