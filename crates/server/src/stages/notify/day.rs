//! The evening's digest: one message a day for each channel that people read.
//!
//! Rely on this: a day is told once, however often the server starts, and not at all once it is over.
//! What counts as a day is the plant's own. Deliberately absent: who reads it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use forewarn_domain::text::Localized;
use forewarn_store::records::{Day, MessageNotice, RecordsError};

use super::Notify;
use super::words::ranges;

/// What has been told, by channel.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<String, NaiveDate>);

impl Notify {
    /// Tells each channel how the day went, once its time has come.
    pub(super) async fn tell_the_day(&self, told: &mut Told) -> Result<(), RecordsError> {
        let now = self.now();
        for line in self.lines.all() {
            let id = line.outlet.id.as_str();
            let Some((today, began)) = line.outlet.daily.and_then(|it| it.due(now)) else {
                continue;
            };
            if told.0.get(id) == Some(&today) {
                continue;
            }
            let day = self.records.day(began, now).await?;
            let notice = MessageNotice {
                key: format!("day/{today}/{id}"),
                channel: id.to_owned(),
                what: "day",
                headline: headline(&day),
                priority: None,
            };
            self.records.give_notice(&notice, now).await?;
            told.0.insert(id.to_owned(), today);
        }
        Ok(())
    }
}

fn headline(day: &Day) -> Localized {
    let Day { opened, ended, open, urgent, unowned, overdue } = day;
    let mut parts = vec![(
        format!("Today {opened} opened, {ended} ended; {open} open"),
        format!("今日新开 {opened} 张，结束 {ended} 张；未结 {open} 张"),
    )];
    if 0 < *urgent {
        parts.push((format!(", {urgent} of them P1"), format!("，其中 P1 {urgent} 张")));
    }
    if 0 < *unowned {
        parts.push((format!(", {unowned} nobody's"), format!("，无人负责 {unowned} 张")));
    }
    if !overdue.is_empty() {
        let numbers: Vec<&str> = overdue.iter().map(String::as_str).collect();
        let (count, list) = (overdue.len(), ranges(&numbers));
        parts.push((format!("; {count} overdue: {list}"), format!("；已超时 {count} 张：{list}")));
    }
    let (en, zh): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
    Localized::new(en.concat(), zh.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_line_and_says_only_what_there_is() {
        let calm = Day { opened: 1, ended: 2, ..Day::default() };
        let calm = headline(&calm);
        assert_eq!(calm.en, "Today 1 opened, 2 ended; 0 open");
        assert_eq!(calm.zh, "今日新开 1 张，结束 2 张；未结 0 张");
        let overdue = vec!["FW-2026-0007".to_owned(), "FW-2026-0008".to_owned()];
        let day = Day { opened: 3, ended: 0, open: 5, urgent: 1, unowned: 2, overdue };
        let day = headline(&day);
        assert_eq!(
            day.en,
            "Today 3 opened, 0 ended; 5 open, 1 of them P1, 2 nobody's; 2 overdue: FW-2026-0007–0008"
        );
    }
}
