//! Why a datagram was not forwarded: `DropReason` of `agw/engine/api.py`, by the same numbers.

/// Counted per port, never logged per packet.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Fewer octets than its header, MKI and tag take.
    Short = 0,
    /// Not RTP or RTCP of version 2 (RFC 7983), or RTP on the RTCP port.
    NotMedia = 1,
    /// STUN that nobody asked for, or more of it than Python takes.
    Stun = 2,
    /// The same for DTLS.
    Dtls = 3,
    /// Above the largest datagram, or above what the way out takes (EMSGSIZE).
    TooLarge = 4,
    /// Not from Remote, not from the latched address, outside the source filter.
    Source = 5,
    /// The tag does not fit: tampered with, wrong key, or not protected at all.
    Auth = 6,
    /// Seen before; also what would have to be protected twice under one index.
    Replay = 7,
    /// Older than the replay window.
    ReplayOld = 8,
    /// A header that contradicts its length.
    Malformed = 9,
    /// The leg is to be protected, and the key for this direction is not known (yet).
    NoKey = 10,
    /// One key has met as many SSRCs as it may.
    SsrcLimit = 11,
    /// The mode of one of the two terminations keeps the gate closed.
    Gate = 12,
    /// There is no other side (yet).
    Unjoined = 13,
    /// The other side has no address to send to (yet).
    NoRemote = 14,
    /// The operating system refused to receive or to send.
    Socket = 15,
    /// Waited in the socket while the process stood still.
    Stale = 16,
}

/// How many reasons there are.
pub const REASONS: usize = Reason::Stale as usize + 1;
