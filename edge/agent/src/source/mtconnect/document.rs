//! Documents of an MTConnect agent: `MTConnectStreams` and `MTConnectError`. Pure.
//!
//! Rely on this: whatever the bytes are, they become a document or a named error; only what has a data
//! item and a time is an observation. Source: MTConnect standard, part 1 (fundamentals).

use forewarn_domain::time::Time;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// What an agent answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Changes with each start of the agent.
    pub instance: u64,
    /// The observation to ask for next.
    pub next: u64,
    /// In the agent's order.
    pub observations: Vec<Observation>,
    /// What it refused, in its words, such as a sequence that it no longer has.
    pub error: Option<String>,
}

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Its place in the agent's order.
    pub sequence: u64,
    /// The data item's id.
    pub item: String,
    /// Its name, which devices may give besides.
    pub name: Option<String>,
    /// When it was observed.
    pub t: Time,
    /// As it stands there; a condition is its level, its code and its text.
    pub value: String,
}

/// Reads a document.
///
/// # Errors
///
/// [`DocumentError`] names what is wrong with it.
pub fn read(text: &str) -> Result<Document, DocumentError> {
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    let (mut open, mut has_header, mut is_condition) = (None::<Observation>, false, false);
    loop {
        match reader.read_event()? {
            Event::Start(tag) => {
                is_condition |= tag.local_name().as_ref() == b"Condition";
                has_header |= note_header(&tag, &mut document)?;
                if tag.local_name().as_ref() == b"Error" {
                    document.error = Some(String::new());
                }
                if let Some(found) = observation(&tag, is_condition)? {
                    open = Some(found);
                }
            }
            Event::Empty(tag) => {
                has_header |= note_header(&tag, &mut document)?;
                document.observations.extend(observation(&tag, is_condition)?);
            }
            Event::Text(text) => say(&text.decode()?, &mut open, &mut document),
            Event::CData(text) => say(&text.decode()?, &mut open, &mut document),
            Event::GeneralRef(name) => {
                let text = match name.resolve_char_ref()? {
                    Some(letter) => letter.to_string(),
                    None => resolve_predefined_entity(&name.decode()?).unwrap_or("?").to_owned(),
                };
                say(&text, &mut open, &mut document);
            }
            Event::End(tag) => {
                is_condition &= tag.local_name().as_ref() != b"Condition";
                if let Some(mut found) = open.take() {
                    found.value = found.value.trim().to_owned();
                    document.observations.push(found);
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::DocType(_) | Event::PI(_) => {}
        }
    }
    if !has_header {
        return Err(DocumentError::NoHeader);
    }
    document.observations.sort_by_key(|it| it.sequence);
    Ok(document)
}

fn say(text: &str, open: &mut Option<Observation>, document: &mut Document) {
    if let Some(observation) = open {
        if !text.trim().is_empty() && !observation.value.is_empty() && is_level(&observation.value)
        {
            observation.value.push(' ');
        }
        observation.value.push_str(text);
    } else if let Some(error) = &mut document.error {
        error.push_str(text.trim());
    }
}

fn is_level(value: &str) -> bool {
    ["NORMAL", "WARNING", "FAULT"].iter().any(|it| value.starts_with(it))
}

fn note_header(tag: &BytesStart<'_>, document: &mut Document) -> Result<bool, DocumentError> {
    if tag.local_name().as_ref() != b"Header" {
        return Ok(false);
    }
    let number =
        |name: &str| Ok::<_, DocumentError>(attribute(tag, name)?.and_then(|it| it.parse().ok()));
    document.instance = number("instanceId")?.unwrap_or_default();
    document.next = number("nextSequence")?.unwrap_or_default();
    Ok(true)
}

/// A condition's level is the name of its element.
fn observation(
    tag: &BytesStart<'_>,
    is_condition: bool,
) -> Result<Option<Observation>, DocumentError> {
    let Some(item) = attribute(tag, "dataItemId")? else { return Ok(None) };
    let t = attribute(tag, "timestamp")?.and_then(|it| it.parse().ok());
    let Some(t) = t else { return Ok(None) };
    let sequence = attribute(tag, "sequence")?.and_then(|it| it.parse().ok()).unwrap_or_default();
    let name = attribute(tag, "name")?;
    let mut value = String::new();
    if is_condition {
        value = String::from_utf8_lossy(tag.local_name().as_ref()).to_uppercase();
        if let Some(code) = attribute(tag, "nativeCode")? {
            value = format!("{value} {code}");
        }
    }
    Ok(Some(Observation { sequence, item, name, t, value }))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, DocumentError> {
    let Some(found) = tag.try_get_attribute(name)? else { return Ok(None) };
    Ok(Some(found.decode_and_unescape_value(tag.decoder())?.into_owned()))
}

/// Why an answer is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// An attribute is not well formed.
    #[error("the document has a broken attribute")]
    Attribute(#[from] quick_xml::events::attributes::AttrError),
    /// Not UTF-8.
    #[error("the document is not UTF-8")]
    Encoding(#[from] quick_xml::encoding::EncodingError),
    /// Other XML, or none.
    #[error("the document has no `Header`; is an MTConnect agent at this address?")]
    NoHeader,
    /// Not well formed.
    #[error("the document is not well formed")]
    Xml(#[from] quick_xml::Error),
}
