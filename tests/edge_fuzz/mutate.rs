//! How a case is changed: pure, a function of the corpus and of chance.

use forewarn_simulator::chance::Chance;

/// One to six changes of one member of the corpus.
pub(crate) fn changed(corpus: &[Vec<u8>], chance: Chance) -> Vec<u8> {
    let mut case = corpus[chance.named("which").index(corpus.len())].clone();
    let changes = 1 + chance.named("how many").index(6);
    for change in 0..changes {
        let chance = chance.named("change").with(u64::try_from(change).unwrap());
        apply(&mut case, corpus, chance);
        case.truncate(BYTES_MAX);
    }
    case
}

fn apply(case: &mut Vec<u8>, corpus: &[Vec<u8>], chance: Chance) {
    let at = chance.named("at").index(case.len().max(1));
    let length = 1 + chance.named("length").index(64);
    let end = (at + length).min(case.len());
    match chance.named("kind").index(9) {
        0 => {
            if let Some(byte) = case.get_mut(at) {
                *byte ^= 1 << chance.named("bit").index(8);
            }
        }
        1 => {
            if let Some(byte) = case.get_mut(at) {
                *byte = chance.named("byte").bits().to_le_bytes()[0];
            }
        }
        2 => case.truncate(at),
        3 => drop(case.drain(at.min(end)..end)),
        4 => {
            let copy = case[at.min(end)..end].to_vec();
            case.splice(at.min(case.len())..at.min(case.len()), copy);
        }
        5 => {
            let word = WORDS[chance.named("word").index(WORDS.len())];
            case.splice(at.min(case.len())..at.min(case.len()), word.bytes());
        }
        6 => {
            let word = WORDS[chance.named("word").index(WORDS.len())];
            case.splice(at.min(end)..end, word.bytes());
        }
        7 => {
            let number: u64 = LIMITS[chance.named("limit").index(LIMITS.len())];
            for (offset, byte) in number.to_le_bytes().into_iter().enumerate() {
                if let Some(slot) = case.get_mut(at + offset) {
                    *slot = byte;
                }
            }
        }
        _ => {
            let other = &corpus[chance.named("other").index(corpus.len())];
            let from = chance.named("from").index(other.len().max(1));
            let part = other.get(from..(from + length).min(other.len())).unwrap_or_default();
            case.splice(at.min(end)..end, part.iter().copied());
        }
    }
}

/// What readers of text stumble over.
const WORDS: &[&str] = &[
    "1e999",
    "-0",
    "NaN",
    "null",
    "[",
    "{",
    "}}",
    "\"",
    "\\u0000",
    "\\ud800",
    "9223372036854775808",
    "2027-01-15T08:00:00Z",
    "|",
    "||||",
    "--multiline--A",
    "@ASSET@",
    "*",
    "/**/a=b/",
    "~1",
    "{asset}",
    "hr:65535",
    "= [",
    "\u{202e}",
    "é",
    "1970-01-01T00:00:00Z@",
    "''",
    "99999999999999999999s",
];

/// What readers of lengths stumble over.
const LIMITS: &[u64] =
    &[0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX, u64::MAX / 2];

const BYTES_MAX: usize = 300 * 1024;
