//! Reads checked values out of rows, and writes them: the door between SQL text and domain types.

use std::fmt::Display;
use std::str::FromStr;

use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::RecordsError;

/// A word, id or hash.
pub(super) fn parsed<T: FromStr<Err: Display>>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, RecordsError> {
    let text: String = row.try_get(column)?;
    read(column, &text)
}

/// The same where the column may be empty.
pub(super) fn parsed_opt<T: FromStr<Err: Display>>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, RecordsError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| read(column, &text)).transpose()
}

fn read<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T, RecordsError> {
    text.parse().map_err(|error: T::Err| corrupt(column, text, &error))
}

/// A JSON text.
pub(super) fn json<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, RecordsError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| corrupt(column, &text, &error))
}

/// The same where the column may be empty.
pub(super) fn json_opt<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, RecordsError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| corrupt(column, &text, &error)))
        .transpose()
}

/// A point in time.
pub(super) fn time(row: &AnyRow, column: &'static str) -> Result<Time, RecordsError> {
    Ok(Time::from_micros(row.try_get(column)?))
}

/// The same where the column may be empty.
pub(super) fn time_opt(row: &AnyRow, column: &'static str) -> Result<Option<Time>, RecordsError> {
    let micros: Option<i64> = row.try_get(column)?;
    Ok(micros.map(Time::from_micros))
}

/// A text in both languages, from its two columns.
pub(super) fn localized(
    row: &AnyRow,
    en: &'static str,
    zh: &'static str,
) -> Result<Localized, RecordsError> {
    Ok(Localized { en: row.try_get(en)?, zh: row.try_get(zh)? })
}

/// A value as JSON text.
pub(super) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, RecordsError> {
    serde_json::to_string(value).map_err(|source| RecordsError::Unwritable { what, source })
}

fn corrupt(column: &'static str, text: &str, error: &dyn Display) -> RecordsError {
    let text = text.chars().take(EXCERPT_CHARS).collect();
    RecordsError::Corrupt { column, text, reason: error.to_string() }
}

/// Enough to recognise a row by; a whole draft in an error message helps nobody.
const EXCERPT_CHARS: usize = 80;
