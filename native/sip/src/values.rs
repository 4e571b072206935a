//! Values in printable ASCII, each a strict subset of what its regular expression in `pcscf.sip` matches.

use std::net::Ipv6Addr;

/// CSeq numbers are below 2**31 (RFC 3261 8.1.1.5).
const MAX_CSEQ: u32 = (1 << 31) - 1;
/// Digits of the largest number that is read.
const MAX_DIGITS: usize = 10;

type Class = [bool; 256];

/// Letters, digits and `others`.
const fn class(others: &[u8]) -> Class {
    let mut class = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        class[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    let mut at = 0;
    while at < others.len() {
        class[others[at] as usize] = true;
        at += 1;
    }
    class
}

pub(crate) static TOKEN: Class = class(b"-.!%*_+`'~");
static USER: Class = class(b"-_.!~*'()%&=+$,;/:#|^{}");
static HOST: Class = class(b"_.-");
static PARAMS: Class = class(b"-_.!~*'()%[]/:&+$;=");
static TEL: Class = class(b"*#-.()");
static SCHEME: Class = class(b"+.-");

pub(crate) fn all(text: &[u8], class: &Class) -> bool {
    text.iter().all(|&octet| class[usize::from(octet)])
}

/// Without the blanks around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

/// 1 to 10 digits, at most `most`.
pub(crate) fn number(text: &[u8], most: u32) -> Option<u32> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    let mut value = 0;
    for &octet in text {
        value = 10 * value + u64::from(octet.is_ascii_digit().then(|| octet - b'0')?);
    }
    u32::try_from(value).ok().filter(|&value| value <= most)
}

/// The method.
pub(crate) fn cseq(text: &[u8]) -> Option<&[u8]> {
    let end = position(text, b' ')?;
    number(&text[..end], MAX_CSEQ)?;
    let method = trim(&text[end..]);
    (!method.is_empty() && !method.contains(&b' ')).then_some(method)
}

/// A sip, sips or tel URI without "?".
pub(crate) fn request_uri(text: &[u8]) -> bool {
    if let Some(rest) = text.strip_prefix(b"tel:") {
        let (number, params) = rest.split_at(position(rest, b';').unwrap_or(rest.len()));
        let digits = number.strip_prefix(b"+").unwrap_or(number);
        let is_digit = |octet: &u8| TEL[usize::from(*octet)] && !matches!(octet, b'g'..=b'z' | b'G'..=b'Z');
        return !digits.is_empty() && digits.iter().all(is_digit) && all(params, &PARAMS);
    }
    let Some(rest) = text.strip_prefix(b"sip:").or_else(|| text.strip_prefix(b"sips:")) else {
        return false;
    };
    let rest = match position(rest, b'@') {
        None => rest,
        Some(0) => return false,
        Some(at) if !all(&rest[..at], &USER) => return false,
        Some(at) => &rest[at + 1..],
    };
    let (place, params) = rest.split_at(position(rest, b';').unwrap_or(rest.len()));
    host_port(place) && all(params, &PARAMS)
}

fn host_port(text: &[u8]) -> bool {
    let (sound, rest) = if let Some(inner) = text.strip_prefix(b"[") {
        let Some(end) = position(inner, b']') else { return false };
        let address = str::from_utf8(&inner[..end]).ok();
        (address.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok()), &inner[end + 1..])
    } else {
        let end = position(text, b':').unwrap_or(text.len());
        (end > 0 && all(&text[..end], &HOST), &text[end..])
    };
    sound
        && match rest {
            [] => true,
            [b':', port @ ..] => port.len() <= 5 && number(port, 65_535).is_some_and(|port| port > 0),
            _ => false,
        }
}

/// Vias between commas: each protocol, host, and parameters without quotes.
pub(crate) fn vias(text: &[u8]) -> bool {
    text.split(|&octet| octet == b',').all(|value| via(trim(value)))
}

fn via(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"SIP/2.0/") else { return false };
    let (transport, rest) = rest.split_at(position(rest, b' ').unwrap_or(0));
    let rest = trim(rest);
    let (place, params) = rest.split_at(position(rest, b';').unwrap_or(rest.len()));
    !transport.is_empty() && all(transport, &TOKEN) && host_port(place) && !params.contains(&b'"')
}

/// One name-addr or addr-spec with its parameters, without a comma but in quotes or brackets.
pub(crate) fn address(text: &[u8]) -> bool {
    let bracket = if text.first() == Some(&b'"') {
        let Some(end) = quoted(text) else { return false };
        end + blanks(&text[end..])
    } else {
        match text.iter().position(|octet| matches!(octet, b'<' | b'>' | b'"' | b',')) {
            Some(at) => at,
            None => return addr_spec(text),
        }
    };
    let Some([b'<', rest @ ..]) = text.get(bracket..) else { return false };
    let rest = &rest[blanks(rest)..];
    let end = rest.iter().position(|octet| matches!(octet, b'<' | b'>' | b'"' | b' ')).unwrap_or(0);
    let (uri, rest) = rest.split_at(end);
    let [b'>', rest @ ..] = &rest[blanks(rest)..] else { return false };
    !uri.is_empty() && params(&rest[blanks(rest)..])
}

/// Text without any of <>", so that its parameters need no look.
fn addr_spec(text: &[u8]) -> bool {
    let Some(colon) = position(text, b':') else { return false };
    let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
    let end = rest.iter().position(|octet| matches!(octet, b'?' | b';' | b' ')).unwrap_or(rest.len());
    let behind = &rest[end + blanks(&rest[end..])..];
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && all(scheme, &SCHEME)
        && end > 0
        && matches!(behind, [] | [b';', ..])
}

/// Nothing, or ";" and anything in which quoted strings end.
fn params(text: &[u8]) -> bool {
    let mut rest = match text {
        [] => return true,
        [b';', rest @ ..] => rest,
        _ => return false,
    };
    while let Some(at) = rest.iter().position(|octet| matches!(octet, b'<' | b'>' | b'"' | b',')) {
        if rest[at] != b'"' {
            return false;
        }
        let Some(end) = quoted(&rest[at..]) else { return false };
        rest = &rest[at + end..];
    }
    true
}

/// Where the quoted string ends that `text` begins with.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|&&octet| octet == b' ').count()
}

fn position(text: &[u8], octet: u8) -> Option<usize> {
    text.iter().position(|&other| other == octet)
}
