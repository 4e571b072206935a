//! Reads ordinary SIP messages. What is an error is defined by `pcscf/sip/message.py` and `validate.py` alone:
//! here a message is either read to the end and in order by all of their rules, or left to them. Text is
//! printable ASCII, a line is a field, and every limit of theirs is out of reach.
#![forbid(unsafe_code)]

pub mod names;
#[cfg(test)]
mod tests;
mod values;

use names::{Key, TOP, key_of};
use values::{TOKEN, address, all, cseq, number, request_uri, trim, vias};

/// Most octets before the body: below what one line may have, with what a stamp adds to the top Via.
pub const MAX_HEAD: usize = 7680;
/// Most header fields.
pub const MAX_FIELDS: usize = 128;
/// Largest Content-Length (octets).
pub const MAX_LENGTH: u32 = 65_535;
/// Most values of the fields that hops add to.
const MAX_HOPS: usize = 200;

/// The first line, less its version, which is SIP/2.0.
#[derive(Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request line.
    Request {
        /// As written.
        method: &'a [u8],
        /// The Request-URI.
        uri: &'a [u8],
    },
    /// A status line.
    Response {
        /// 100 to 699.
        status: u16,
        /// The reason phrase; may be empty.
        reason: &'a [u8],
    },
}

/// What stands before the body of a message that is in order with a body of `length` octets.
#[derive(Debug)]
pub struct Head<'a> {
    /// Its first line.
    pub start: Start<'a>,
    /// Name and whole line of each field, in order.
    pub fields: Vec<(Key, &'a [u8])>,
    /// Where the body begins.
    pub body: usize,
    /// Content-Length.
    pub length: u32,
}

/// The values that have rules of their own; empty: not seen.
#[derive(Default)]
struct Seen<'a> {
    once: u32,
    hops: usize,
    contacts: usize,
    values: [&'a [u8]; TOP],
}

/// Returns nothing for what is not ordinary.
pub fn read(data: &[u8]) -> Option<Head<'_>> {
    let (first, mut at) = line(data, 0)?;
    let start = start_line(first)?;
    let request = matches!(start, Start::Request { .. });
    let mut fields = Vec::with_capacity(32);
    let mut seen = Seen::default();
    loop {
        let (raw, next) = line(data, at)?;
        at = next;
        if raw.is_empty() {
            break;
        }
        if fields.len() == MAX_FIELDS {
            return None;
        }
        let colon = raw.iter().position(|&octet| !TOKEN[usize::from(octet)])?;
        if colon == 0 || raw[colon] != b':' {
            return None;
        }
        let key = key_of(&raw[..colon]);
        note(&mut seen, &key, &raw[colon + 1..], request)?;
        fields.push((key, raw));
    }
    let length = checked(&start, &seen)?;
    Some(Head { start, fields, body: at, length })
}

/// The line that begins at `at`, and where the next one does.
fn line(data: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let window = &data[at..data.len().min(MAX_HEAD + 4)];
    let end = printable(window);
    (window.get(end..end + 2)? == b"\r\n").then(|| (&window[..end], at + end + 2))
}

/// How many octets at the front are printable ASCII: sixteen at a time as far as possible.
fn printable(text: &[u8]) -> usize {
    let is_plain = |octet: u8| octet.wrapping_sub(b' ') < 0x5f;
    let (chunks, _) = text.as_chunks::<16>();
    let plain =
        chunks.iter().take_while(|chunk| chunk.iter().fold(true, |all, &octet| all & is_plain(octet)));
    let at = 16 * plain.count();
    at + text[at..].iter().take_while(|&&octet| is_plain(octet)).count()
}

fn start_line(text: &[u8]) -> Option<Start<'_>> {
    if let Some(rest) = text.strip_prefix(b"SIP/2.0 ") {
        let (status, reason) = match rest.split_first_chunk::<3>()? {
            (status, []) => (status, &b""[..]),
            (status, [b' ', reason @ ..]) => (status, reason),
            _ => return None,
        };
        let status = number(status, 699).filter(|&status| status >= 100)?;
        return Some(Start::Response { status: u16::try_from(status).ok()?, reason });
    }
    let rest = text.strip_suffix(b" SIP/2.0")?;
    let blank = rest.iter().position(|&octet| octet == b' ')?;
    let (method, uri) = (&rest[..blank], &rest[blank + 1..]);
    (!method.is_empty() && all(method, &TOKEN) && request_uri(uri)).then_some(Start::Request { method, uri })
}

/// Counts a field. Returns nothing where a rule about its value alone does not hold, or may not.
fn note<'a>(seen: &mut Seen<'a>, key: &Key, value: &'a [u8], request: bool) -> Option<()> {
    let Key::Known(index) = *key else { return Some(()) };
    if index < names::ONCE {
        let bit = 1 << index;
        if seen.once & bit != 0 {
            return None;
        }
        seen.once |= bit;
        if index < TOP {
            seen.values[index] = trim(value);
        }
    } else if index < names::HOPS {
        let commas = value.iter().filter(|&&octet| octet == b',').count();
        if index == names::VIA && commas > 0 && !vias(value) {
            return None;
        }
        seen.hops += commas + 1;
    } else if index == names::CONTACT && request {
        seen.contacts += 1;
        let value = trim(value);
        if value != b"*" && !address(value) {
            return None;
        }
    }
    Some(())
}

/// Returns Content-Length where every rule about the whole holds.
fn checked(start: &Start<'_>, seen: &Seen<'_>) -> Option<u32> {
    let [from, to, call_id, cseq_value, length, forwards] = seen.values;
    let length = number(length, MAX_LENGTH)?;
    let sound = seen.once & names::MANDATORY == names::MANDATORY
        && seen.hops <= MAX_HOPS
        && !call_id.is_empty()
        && !call_id.contains(&b' ');
    let method = cseq(cseq_value)?;
    if let Start::Request { method: own, .. } = *start {
        let bounded = seen.once & (1 << names::MAX_FORWARDS) == 0 || number(forwards, 255).is_some();
        let answerable = own != b"INVITE" || seen.contacts == 1;
        return (sound && method == own && bounded && answerable && address(from) && address(to))
            .then_some(length);
    }
    sound.then_some(length)
}
