//! Words into the room that a channel has: nothing is cut without saying how much was cut.

use forewarn_domain::text::Localized;

use crate::{Text, Tongue};

/// A text whose lines are written already.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Comes first and always.
    pub(crate) head: String,
    /// May be cut, from the end.
    pub(crate) lines: Vec<String>,
    /// Comes last and always.
    pub(crate) tail: String,
}

impl Parts {
    /// At most `bytes_max` bytes of UTF-8, joined by line ends.
    pub(crate) fn fit(&self, bytes_max: usize, tongue: Tongue) -> String {
        let mut text = cut(&self.head, bytes_max / 3).to_owned();
        let tail = cut(&self.tail, bytes_max.saturating_sub(text.len() + 1));
        let reserved = if tail.is_empty() { 0 } else { tail.len() + 1 };
        let room = bytes_max.saturating_sub(reserved);
        for (place, line) in self.lines.iter().enumerate() {
            let left = self.lines.len() - place;
            let is_last = left == 1;
            let remark = if is_last { 0 } else { more(left, tongue).len() + 1 };
            if room < text.len() + 1 + line.len() + remark {
                let remark = more(left, tongue);
                if text.len() + 1 + remark.len() <= room {
                    text.push('\n');
                    text.push_str(&remark);
                }
                break;
            }
            text.push('\n');
            text.push_str(line);
        }
        if !tail.is_empty() {
            text.push('\n');
            text.push_str(tail);
        }
        text
    }
}

/// The title with its priority.
pub(crate) fn title(text: &Text, tongue: Tongue) -> String {
    let title = plain(&tongue.say(&text.title));
    match text.priority {
        Some(priority) => format!("[{priority}] {title}"),
        None => title,
    }
}

/// The name of the link.
pub(crate) fn open(tongue: Tongue) -> String {
    tongue.say(&Localized::new("Open", "查看"))
}

/// A label and its value, in the form of a channel's own.
pub(crate) fn facts(text: &Text, tongue: Tongue) -> impl Iterator<Item = (String, String)> {
    text.lines.iter().map(move |it| (plain(&tongue.say(&it.label)), plain(&tongue.say(&it.value))))
}

/// The sum of a digest, when there is one.
pub(crate) fn total(text: &Text, tongue: Tongue) -> String {
    text.total.as_ref().map(|it| plain(&tongue.say(it))).unwrap_or_default()
}

/// A text in one line, in which nothing is markup: a person's words must not call everybody.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => '＜',
            '>' => '＞',
            '[' => '［',
            ']' => '］',
            '*' => '＊',
            '`' => '＇',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect()
}

fn more(count: usize, tongue: Tongue) -> String {
    tongue.say(&Localized::new(format!("… {count} more"), format!("… 另有 {count} 条")))
}

/// The longest beginning of at most so many bytes that ends between two letters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|it| text.is_char_boundary(*it));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_exceeds_its_bytes_and_says_how_much_is_missing() {
        let lines = (0..40).map(|it| format!("第 {it} 条")).collect::<Vec<_>>();
        let parts = Parts { head: "标题".into(), lines, tail: "共 40 条".into() };
        for bytes_max in 0..700 {
            let text = parts.fit(bytes_max, Tongue::Zh);
            assert!(text.len() <= bytes_max.max(1), "{bytes_max}: {}", text.len());
        }
        let text = parts.fit(120, Tongue::Zh);
        let told = text.lines().filter(|it| it.starts_with('第')).count();
        assert!(text.contains(&format!("另有 {} 条", 40 - told)), "{text}");
        assert!(text.ends_with("共 40 条"), "{text}");
        assert_eq!(parts.fit(10_000, Tongue::Zh).lines().count(), 42);
    }

    #[test]
    fn words_of_people_are_no_markup() {
        assert_eq!(plain("<@all>\n**[x](http://e)**"), "＜@all＞ ＊＊［x］(http://e)＊＊");
    }
}
