//! 以往的维修与案例，中文表述。 What was before, in Chinese.

use forewarn_domain::repair::{Activity, Outcome};

use super::super::past::{Told, Work};
use crate::figures::Clock;
use crate::naming::shortened;

pub(in super::super) fn past(told: &Told<'_>, clock: &Clock) -> String {
    match told {
        Told::Basis { own, sisters, needed } => basis(*own, *sisters, *needed),
        Told::Lubricated { at, days, planned, is_overdue } => {
            let verdict = if *is_overdue { "润滑已超期" } else { "润滑未超期" };
            format!("{verdict}：上次 {}，距今 {days} 天，周期 {planned} 天。", clock.date_zh(*at))
        }
        Told::NothingOnRecord { is_sensor: true } => "此处没有传感器故障的记录。".into(),
        Told::NothingOnRecord { is_sensor: false } => "该部位没有维修记录。".into(),
        Told::Own { record, held_days } => {
            let (date, ago) = (clock.date_zh(record.at), clock.days_since(record.at));
            let ago = if ago < 1 { "今天".to_owned() } else { format!("{ago} 天前") };
            format!("{date}（{ago}）：{}{}。", work(&(*record).into()), held(*held_days))
        }
        Told::Repeats { count, is_sensor: true } => {
            format!("该部位的传感器近 12 个月已维修 {count} 次。")
        }
        Told::Repeats { count, is_sensor: false } => format!("该部位近 12 个月已维修 {count} 次。"),
        Told::Replaced { record, name, held_days } => {
            let (date, ago) = (clock.date_zh(record.at), clock.days_since(record.at));
            let part = record.part.as_ref().map(|it| format!("的 {it} ")).unwrap_or_default();
            let (outcome, held) = (outcome(record.outcome), held(*held_days));
            let ticket = ticket(record.ticket.as_deref());
            format!("{}{part}上次更换 {date}，距今 {ago} 天，{outcome}{held}{ticket}。", name.zh)
        }
        Told::Similar { device, case } => {
            let by = match case.shape {
                Some(_) => "信号和文字",
                None => "文字",
            };
            let (date, alike, device) = (clock.date_zh(case.at), case.likeness, &device.zh);
            let work = work(&(*case).into());
            format!("相似案例：{device}，{date}（{by}相似度 {alike:.2}）：{work}。")
        }
        Told::Sister { device, record } => {
            let (date, work) = (clock.date_zh(record.at), work(&(*record).into()));
            format!("同型机 {}，{date}：{work}。", device.zh)
        }
        Told::Tried { cause, tried } => {
            let told: Vec<String> = tried
                .iter()
                .map(|it| match it.helped {
                    0 => format!("{} {} 次，无效", done(it.activity), it.times),
                    helped => format!("{} {} 次，{helped} 次有效", done(it.activity), it.times),
                })
                .collect();
            format!("本机和同型机以往处理{}：{}。", cause.zh, told.join("；"))
        }
    }
}

fn basis(own: u32, sisters: u32, needed: u32) -> String {
    if needed <= own + sisters {
        return format!("概率依据：本机 {own} 次、同型机 {sisters} 次已确认的结案。");
    }
    let known = match own + sisters {
        0 => "尚无已确认的结案".to_owned(),
        _ => format!("已确认结案：本机 {own} 次、同型机 {sisters} 次"),
    };
    format!("以往维修的数据不足（{known}，至少需要 {needed} 次）：概率依据本次征兆和一般经验。")
}

fn work(work: &Work<'_>) -> String {
    let part = work.part.map(|it| format!("（{it}）")).unwrap_or_default();
    let words = shortened(work.text);
    let words = if words.is_empty() { String::new() } else { format!("，“{words}”") };
    let hours = work.hours.map(|it| format!("，{it:.1} h")).unwrap_or_default();
    let (done, outcome) = (done(work.activity), outcome(work.outcome));
    format!("{done}{part}{words}，{outcome}{hours}{}", ticket(work.ticket))
}

fn ticket(number: Option<&str>) -> String {
    number.map(|it| format!("（{it}）")).unwrap_or_default()
}

fn held(days: Option<i64>) -> String {
    match days {
        None => String::new(),
        Some(..1) => "，维持不到 1 天".to_owned(),
        Some(days) => format!("，维持了 {days} 天"),
    }
}

fn done(activity: Activity) -> &'static str {
    match activity {
        Activity::Adjust => "调整",
        Activity::Inspection => "检查",
        Activity::Repair => "修理",
        Activity::Replace => "更换",
        Activity::Service => "保养",
        Activity::Tighten => "紧固",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Improved => "有所改善，未根治",
        Outcome::NoEffect => "无效",
        Outcome::NothingFound => "未发现问题",
        Outcome::Solved => "已解决",
        Outcome::Unknown => "结果未记录",
    }
}
