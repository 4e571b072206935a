//! How far headers reach (RFC 3550 5.1, 6.4).

/// Octets of the fixed header of RTP.
pub(super) const RTP: usize = 12;
/// Octets of RTCP that stay in the clear: the first header, with its SSRC.
pub(super) const RTCP: usize = 8;

/// Octets of the header of an RTP packet of at least `RTP` octets, with its CSRC list and its extension.
/// None: the header contradicts the length of the packet.
#[inline]
pub(super) fn rtp_length(packet: &[u8]) -> Option<usize> {
    let fixed = RTP + 4 * usize::from(packet[0] & 0x0F);
    let length = if packet[0] & 0x10 == 0 {
        fixed
    } else {
        let words = packet.get(fixed + 2..fixed + 4)?;
        fixed + 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]))
    };
    (length <= packet.len()).then_some(length)
}

/// Sequence number of an RTP packet.
#[inline]
pub(super) fn sequence(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

/// The 32 bits from `at` on.
#[inline]
pub(super) fn word(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}
