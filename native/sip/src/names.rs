//! Names of header fields, in any case and in their compact forms (RFC 3261 7.3.3, IANA).

/// A name as `pcscf.sip.message.key_of` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Its index in `NAMES`.
    Known(usize),
    /// In lower case.
    Other(String),
}

/// In lower case. Where a range of them ends is said below.
#[rustfmt::skip]
pub const NAMES: [&str; 84] = [
    "from", "to", "call-id", "cseq", "content-length", "max-forwards",
    "content-type", "expires", "session-expires", "rack", "rseq", "event", "mime-version", "refer-to", "replaces",
    "via", "route", "record-route", "path", "history-info",
    "contact",
    "accept", "accept-contact", "accept-encoding", "accept-language", "alert-info", "allow", "allow-events",
    "authentication-info", "authorization", "call-info", "content-disposition", "content-encoding",
    "content-language", "date", "error-info", "feature-caps", "geolocation", "identity", "identity-info",
    "in-reply-to", "min-expires", "min-se", "organization", "p-access-network-info", "p-asserted-identity",
    "p-asserted-service", "p-associated-uri", "p-called-party-id", "p-charging-function-addresses",
    "p-charging-vector", "p-early-media", "p-preferred-identity", "p-preferred-service", "p-profile-key",
    "p-served-user", "p-visited-network-id", "priority", "privacy", "proxy-authenticate", "proxy-authorization",
    "proxy-require", "reason", "referred-by", "reject-contact", "reply-to", "request-disposition", "require",
    "retry-after", "security-client", "security-server", "security-verify", "server", "service-route", "sip-etag",
    "sip-if-match", "subject", "subscription-state", "supported", "timestamp", "unsupported", "user-agent",
    "warning", "www-authenticate",
];
/// The first so many: their values are looked at.
pub(crate) const TOP: usize = 6;
pub(crate) const MAX_FORWARDS: usize = 5;
/// Bits of From, To, Call-ID and CSeq: what no message lacks.
pub(crate) const MANDATORY: u32 = 0b1111;
/// The first so many may be there once only.
pub(crate) const ONCE: usize = 15;
/// From there up to here: the fields that hops add to.
pub(crate) const HOPS: usize = 20;
pub(crate) const VIA: usize = 15;
pub(crate) const CONTACT: usize = 20;

const COMPACT: [(u8, &str); 20] = [
    (b'a', "accept-contact"),
    (b'b', "referred-by"),
    (b'c', "content-type"),
    (b'd', "request-disposition"),
    (b'e', "content-encoding"),
    (b'f', "from"),
    (b'i', "call-id"),
    (b'j', "reject-contact"),
    (b'k', "supported"),
    (b'l', "content-length"),
    (b'm', "contact"),
    (b'n', "identity-info"),
    (b'o', "event"),
    (b'r', "refer-to"),
    (b's', "subject"),
    (b't', "to"),
    (b'u', "allow-events"),
    (b'v', "via"),
    (b'x', "session-expires"),
    (b'y', "identity"),
];

const NOTHING: u8 = u8::MAX;
/// Where a name may be found, from its slot on up to the first empty one: its index.
static SLOTS: [u8; 256] = slots();

/// A number of one octet that tells most names apart.
const fn slot(name: &[u8]) -> usize {
    let length = name.len();
    // The bit makes letters lower case and leaves the hyphen as it is.
    let (first, last) = ((name[0] | 0x20) as usize, (name[length - 1] | 0x20) as usize);
    let (second, middle) = ((name[length / 4] | 0x20) as usize, (name[length / 2] | 0x20) as usize);
    (length * 7 + first * 3 + last * 31 + second * 13 + middle * 61) & 0xff
}

const fn slots() -> [u8; 256] {
    let mut slots = [NOTHING; 256];
    let mut index = 0;
    while index < NAMES.len() {
        put(&mut slots, NAMES[index].as_bytes(), index as u8);
        index += 1;
    }
    let mut at = 0;
    while at < COMPACT.len() {
        put(&mut slots, &[COMPACT[at].0], index_of(COMPACT[at].1));
        at += 1;
    }
    slots
}

const fn put(slots: &mut [u8; 256], name: &[u8], index: u8) {
    let mut at = slot(name);
    while slots[at] != NOTHING {
        at = (at + 1) & 0xff;
    }
    slots[at] = index;
}

const fn index_of(name: &str) -> u8 {
    let mut index = 0;
    while !NAMES[index].as_bytes().eq_ignore_ascii_case(name.as_bytes()) {
        index += 1;
    }
    index as u8
}

/// What a name stands for that is a token.
pub(crate) fn key_of(name: &[u8]) -> Key {
    let mut at = slot(name);
    while SLOTS[at] != NOTHING {
        let index = usize::from(SLOTS[at]);
        if is(name, index) {
            return Key::Known(index);
        }
        at = (at + 1) & 0xff;
    }
    Key::Other(String::from_utf8_lossy(name).to_ascii_lowercase())
}

fn is(name: &[u8], index: usize) -> bool {
    if let [letter] = name {
        let letter = letter.to_ascii_lowercase();
        return COMPACT.iter().any(|&(compact, long)| compact == letter && long == NAMES[index]);
    }
    let known = NAMES[index].as_bytes();
    // Of the octets of a token this bit turns capital letters alone into what names are made of.
    name.len() == known.len()
        && name.iter().zip(known).fold(0, |differ, (a, b)| differ | ((a | 0x20) ^ b)) == 0
}
