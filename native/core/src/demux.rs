//! What a datagram on a media port is (RFC 7983 7, RFC 5761 4).

use crate::reason::Reason;

/// Octets; longer datagrams are dropped as too large.
pub const MAX_DATAGRAM: usize = 2048;
const RTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;

/// True: RTCP, false: RTP. `Stun` and `Dtls` are reasons to drop, unless somebody asked for them.
///
/// `rtcp`: it came to the port for RTCP. Without `mux` the payload types of RTCP are RTP with a marker on
/// the other one.
#[inline]
pub fn classify(packet: &[u8], rtcp: bool, mux: bool) -> Result<bool, Reason> {
    if packet.len() < RTCP_HEADER || !(128..=191).contains(&packet[0]) {
        return Err(foreign(packet));
    }
    let rtcp = match packet[1] {
        192..=223 => rtcp || mux,
        _ if rtcp => return Err(Reason::NotMedia),
        _ => false,
    };
    if packet.len() < RTP_HEADER && !rtcp { Err(Reason::Short) } else { Ok(rtcp) }
}

/// What else shares a media port.
#[cold]
fn foreign(packet: &[u8]) -> Reason {
    match packet.first() {
        None | Some(128..=191) => Reason::Short,
        Some(0..=3) => Reason::Stun,
        Some(20..=63) => Reason::Dtls,
        Some(_) => Reason::NotMedia,
    }
}
