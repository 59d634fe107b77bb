//! 同一组事实的中文表述：短句、常用词、数值带单位。 Facts in Chinese, written for the shop floor,
//! not translated from the English.

mod past;

use forewarn_domain::anomaly::{BearingDefect, BearingLine};
use forewarn_domain::family::Severity;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};

pub(super) use self::past::past;
use super::seen::{CountSeen, LevelSeen, NormalSeen, RateSeen, Seen, SiblingsSeen};
use super::todo::{Action, Foot};
use super::{TODAY, Urgency, percent};
use crate::case::Outlook;
use crate::figures::{
    Clock, Distance, SpanUnit, amount, band, days, days_only, distance, exact, exact_amount,
    exact_per_minute, figure, parts, per_minute, share, signed_difference,
};

pub(super) fn unclear(claim: &str, p: f64, rival: &str, rival_p: f64) -> String {
    let (p, rival_p) = (percent(p), percent(rival_p));
    format!("尚不能确定。{claim}（{p}）；其次可能：{rival}（{rival_p}）。")
}

pub(super) fn urgency(urgency: &Urgency) -> String {
    match urgency {
        Urgency::Blind { is_grave: true } => "设备可以运行，但此处已无监测，请本班内恢复信号。",
        Urgency::Blind { is_grave: false } => "设备可以运行，但信号恢复前此处无监测。",
        Urgency::Machine { severity: Severity::Alarm, .. } => {
            "紧急：请立即到设备检查，不要再长时间连续运行。"
        }
        Urgency::Machine { severity, within: Some(within) } if *within < TODAY => {
            let within = span(*within);
            return match severity {
                Severity::Watch => format!("今天请多留意：距限值至少还有 {within}。"),
                Severity::Warning | Severity::Alarm => {
                    format!("请先做下面的判别：最早 {within}后可能变为紧急。")
                }
            };
        }
        Urgency::Machine { severity, within: Some(within) } => {
            let within = span(*within);
            return match severity {
                Severity::Watch => format!("今天不紧急：请继续观察，距限值至少还有 {within}。"),
                Severity::Warning | Severity::Alarm => {
                    format!("今天不紧急：请在 {within}内安排维修。")
                }
            };
        }
        Urgency::Machine { severity: Severity::Warning, within: None } => {
            "今天不紧急：请尽快做下面的判别，并在近几天安排维修。"
        }
        Urgency::Machine { severity: Severity::Watch, within: None } => {
            "不紧急：下次计划停机时检查。"
        }
        Urgency::Process { severity: Severity::Alarm } => {
            "紧急：请立即检查工件和工艺，再继续生产。"
        }
        Urgency::Process { severity: Severity::Warning | Severity::Watch } => {
            "请在本班内检查工艺。"
        }
    }
    .to_owned()
}

pub(super) fn seen(seen: &Seen<'_>, clock: &Clock) -> String {
    match seen {
        Seen::Also { name, value, unit, normal } => {
            let far = distance(*value, normal, *unit).map(|it| format!("，{}", far(it)));
            let (value, band) = (amount(*value, *unit), band(normal, *unit));
            format!("同时{} {value}，正常 {band}{}。", name.zh, far.unwrap_or_default())
        }
        Seen::BackToNormal { since } => {
            format!("{}已恢复正常，但原因尚未确认。", opened(Some(*since), clock))
        }
        Seen::BearingLine { since, line, state } => {
            bearing_line(*since, line, state.as_ref(), clock)
        }
        Seen::CameBack(count) => format!("期间曾恢复正常，又复发 {count} 次。"),
        Seen::Code { since, code, times, window } => {
            self::code(&opened(*since, clock), code, *times, *window)
        }
        Seen::Count(count) => self::count(count, clock),
        Seen::Flat { since, name, value, unit, lasted } => {
            let start = opened(*since, clock);
            let (value, lasted) = (amount(*value, *unit), span(*lasted));
            format!(
                "{start}{}一直是 {value}，已持续 {lasted}。正常的传感器读数总会有微小波动。",
                name.zh
            )
        }
        Seen::Level(level) => self::level(level, clock),
        Seen::Limit { since, name, value, limit, unit, above } => {
            let start = opened(*since, clock);
            let side = if *above { "高于上限" } else { "低于下限" };
            let (value, limit) = (amount(*value, *unit), exact_amount(*limit, *unit));
            format!("{start}{}{side} {limit}，现为 {value}。", name.zh)
        }
        Seen::NoData { since, name, lasted, interval } => {
            let start = opened(*since, clock);
            let (lasted, interval) = (span(*lasted), span(*interval));
            format!("{start}{}没有数据，已持续 {lasted}；正常每 {interval}一个读数。", name.zh)
        }
        Seen::MachineNormal(signals) => format!("设备本身正常：{}。", normals(signals)),
        Seen::Normal(signals) => format!("无变化：{}。", normals(signals)),
        Seen::NoContact { since, lasted } => {
            let start = opened(*since, clock);
            format!("{start}该设备没有任何数据，已持续 {}。", span(*lasted))
        }
        Seen::NothingToCompare => "尚不清楚：该部位没有其他信号积累了足够数据可供比较。".into(),
        Seen::Rate(rate) => self::rate(rate, clock),
        Seen::Siblings(siblings) => self::siblings(siblings, clock),
        Seen::Zone { since, name, zone, value, limit } => {
            let start = opened(*since, clock);
            let meaning = match zone {
                'D' => "足以损坏设备",
                'C' => "不宜长期运行",
                _ => "可长期运行",
            };
            let (value, limit) = (figure(*value), exact(*limit));
            format!(
                "{start}{}处于 ISO 20816-3 的 {zone} 区（{meaning}）：{value} mm/s，{zone} 区下限 {limit} mm/s。",
                name.zh
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
    let start = opened(since, clock);
    let race = match line.defect {
        BearingDefect::Cage => "保持架",
        BearingDefect::InnerRace => "内圈",
        BearingDefect::OuterRace => "外圈",
        BearingDefect::RollingElement => "滚动体",
    };
    let (found, order) = (line.found_hz, line.order);
    let off = ((line.found_hz - line.expected_hz) / line.expected_hz * 100.0).abs();
    let off = if off < 0.05 { "小于 0.1 %".to_owned() } else { format!(" {off:.1} %") };
    let (name, bearing, rpm) =
        (line.defect.frequency(), &line.bearing, figure(line.shaft_hz * 60.0));
    let state = state.map(|it| format!("{}，", it.zh)).unwrap_or_default();
    let (matched, bursts, count) = (line.matched, line.bursts, line.harmonics.len());
    format!(
        "{start}{bursts} 次采集中有 {matched} 次（{state}最近一次 {rpm} rpm），包络谱出现 {found:.1} Hz = \
         {order:.2} 倍转频（{bearing} {race}故障频率 {name}，偏差{off}），含 {count} 个谐波。"
    )
}

fn code(start: &str, code: &str, times: u32, window: Span) -> String {
    match times {
        0 | 1 => format!("{start}设备报出代码 {code}。"),
        _ => format!("{start}设备报出代码 {code}；{}内此类代码共 {times} 次。", span(window)),
    }
}

fn count(count: &CountSeen, clock: &Clock) -> String {
    let CountSeen { since, name, unit, limit, above, times, window } = count;
    let start = opened(*since, clock);
    let side = if *above { "高于" } else { "低于" };
    let (limit, window) = (exact_amount(*limit, *unit), span(*window));
    format!("{start}{} {window}内 {times} 次{side} {limit}。", name.zh)
}

fn level(level: &LevelSeen<'_>, clock: &Clock) -> String {
    let LevelSeen { since, name, value, unit, normal, learned_over, state } = level;
    let start = opened(*since, clock);
    let (now, band, usual) =
        (amount(*value, *unit), band(normal, *unit), amount(normal.median, *unit));
    let state = state.as_ref();
    let state = state.map_or("正常范围".to_owned(), |it| format!("{}时正常范围", it.zh));
    let from = learned(*learned_over);
    let samples = normal.samples;
    let far = distance(*value, normal, *unit).map(|it| format!("，{}", far(it)));
    format!(
        "{start}{} {now}；{state} {band}，通常 {usual}（{from}，{samples} 个样本）{}。",
        name.zh,
        far.unwrap_or_default()
    )
}

fn rate(rate: &RateSeen, clock: &Clock) -> String {
    let start = opened(rate.since, clock);
    let verb = if rate.rate < 0.0 { "下降" } else { "上升" };
    let by = per_minute(rate.rate.abs(), rate.quantity, rate.unit);
    let limit = exact_per_minute(rate.limit.abs(), rate.quantity, rate.unit);
    let now = rate.value.map(|it| format!("，现为 {}", amount(it, rate.unit))).unwrap_or_default();
    format!("{start}{}{verb}过快：{by}（限值 {limit}）{now}。", rate.name.zh)
}

fn siblings(seen: &SiblingsSeen<'_>, clock: &Clock) -> String {
    let SiblingsSeen { value, median, siblings, expected, unit, .. } = seen;
    let start = opened(seen.since, clock);
    let state = seen.state.as_ref().map(|it| format!("{}时", it.zh)).unwrap_or_default();
    let by = |level: f64| signed_difference(level - median, seen.quantity, *unit);
    let (off, usual) = (by(*value), by(expected.median));
    let (value, median) = (amount(*value, *unit), amount(*median, *unit));
    let (from, samples) = (learned(seen.learned_over), expected.samples);
    format!(
        "{start}{} {value}，而{state} {siblings} 台同型机的中位数为 {median}：相差 {off}，平时 {usual}\
         （{from}，{samples} 个样本）。",
        seen.name.zh
    )
}

fn learned(over: Span) -> String {
    match days(over) {
        ..1 => span(over),
        days => format!("{days} 天"),
    }
}

fn normals(signals: &[NormalSeen]) -> String {
    signals.iter().map(normal).collect::<Vec<_>>().join("；")
}

fn normal(signal: &NormalSeen) -> String {
    let (name, value) = (&signal.name.zh, amount(signal.value, signal.unit));
    match signal.band {
        Some([low, high]) => format!("{name} {value}（正常 {}–{}）", figure(low), figure(high)),
        None => format!("{name} {value}"),
    }
}

pub(super) fn outlook(outlook: &&Outlook) -> String {
    let when = match days_only([outlook.earliest, outlook.latest]) {
        Some([from, to]) => format!("{from}–{to} 天"),
        None => format!("{}至 {}", span(outlook.earliest), span(outlook.latest)),
    };
    let (limit, over) = (&outlook.limit.zh, span(outlook.fitted_over));
    format!("不处理的后果：{when}后{limit}（80 % 区间，按 {over}趋势推算）。")
}

pub(super) fn action(action: &Action) -> String {
    match action {
        Action::Decide(test) => {
            let tools = if test.tools { "" } else { "，无需工具" };
            format!("先判别：{}（{} 分钟{tools}）。", test.text.zh, test.minutes)
        }
        Action::Do(text) => text.zh.clone(),
        Action::IfConfirmed(text) => format!("若确认：{}", text.zh),
        Action::Then(text) => format!("然后：{}", text.zh),
        Action::Work { parts, hours } => {
            let parts: Vec<&str> = parts.iter().map(|it| it.zh.as_str()).collect();
            let parts = match parts.as_slice() {
                [] => String::new(),
                parts => format!("备件：{}。", parts.join("、")),
            };
            let hours = hours.map(|it| match it.repairs {
                0 => format!("约 {:.1} h（一般经验）。", it.hours),
                1 => format!("约 {:.1} h（据 1 次维修）。", it.hours),
                count => format!("约 {:.1} h（{count} 次维修的中位数）。", it.hours),
            });
            format!("{parts}{}", hours.unwrap_or_default())
        }
    }
}

pub(super) fn footer(foot: &Foot) -> String {
    match foot {
        Foot::NoQuality => "数据质量：未统计。".into(),
        Foot::Quality(quality) => {
            let total = quality.good + quality.uncertain + quality.bad;
            let (over, share) = (span(quality.over), share(quality.good, total));
            let bare = format!("数据：{over}内 {total} 个读数，{share} 有效");
            let defects =
                [(quality.uncertain, "可疑"), (quality.bad, "坏值"), (quality.late, "迟到")];
            let defects = defects.iter().filter(|(number, _)| 0 < *number);
            let told = defects.map(|(number, word)| format!("{word} {number} 个"));
            format!("{}。", std::iter::once(bare).chain(told).collect::<Vec<_>>().join("，"))
        }
        Foot::Rules(rules) => {
            let told: Vec<String> = rules.iter().map(|(id, v)| format!("{id} v{v}")).collect();
            format!("规则 {}。", told.join("、"))
        }
        Foot::Speed(Some(name)) => format!("转速取自测点“{}”。", name.zh),
        Foot::Speed(None) => "转速取自采集数据本身。".into(),
    }
}

fn opened(since: Option<Time>, clock: &Clock) -> String {
    since.map(|at| format!("自 {} 起，", clock.time_zh(at))).unwrap_or_default()
}

fn far(distance: Distance) -> String {
    match distance {
        Distance::Difference(by, unit) if by < 0.0 => format!("比平时低 {}", amount(-by, unit)),
        Distance::Difference(by, unit) => format!("比平时高 {}", amount(by, unit)),
        Distance::Percent(by) if by < 0.0 => format!("比平时低 {:.0} %", -by),
        Distance::Percent(by) => format!("比平时高 {by:.0} %"),
        Distance::Times(by) => format!("为平时的 {by:.1} 倍"),
    }
}

fn span(span: Span) -> String {
    let [(large, unit), (small, small_unit)] = parts(span);
    let word = |unit| match unit {
        SpanUnit::Day => "天",
        SpanUnit::Hour => "小时",
        SpanUnit::Minute => "分钟",
        SpanUnit::Second => "秒",
    };
    match small {
        0 => format!("{large} {}", word(unit)),
        _ => format!("{large} {} {small} {}", word(unit), word(small_unit)),
    }
}
