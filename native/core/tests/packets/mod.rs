//! RTP and RTCP for the tests of SRTP.
#![allow(dead_code)]

use packet_engine::reason::Reason;
use packet_engine::srtp::{Crypto, MAX_TRAILER, Receiver, Sender, Suite};

pub const SSRC: u32 = 0xCAFE_BABE;
/// Largest number of SSRCs in these tests.
pub const SSRCS: usize = 64;
pub const WINDOW: usize = 128;

/// A key of which every octet is `octet`.
pub fn crypto(suite: Suite, octet: u8) -> Crypto {
    with_mki(suite, octet, 0)
}

pub fn with_mki(suite: Suite, octet: u8, mki: usize) -> Crypto {
    Crypto::new(suite, &vec![octet; suite.key() + suite.salt()], mki).unwrap()
}

pub fn sender(suite: Suite) -> Sender {
    Sender::new(&crypto(suite, 1), WINDOW, SSRCS)
}

pub fn receiver(suite: Suite) -> Receiver {
    Receiver::new(&crypto(suite, 1), WINDOW, SSRCS)
}

/// An RTP packet with 20 octets of payload.
pub fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 160]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(0..20);
    packet
}

/// A receiver report.
pub fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7];
    packet.extend(ssrc.to_be_bytes());
    packet.extend(0..24);
    packet
}

pub fn protect(sender: &mut Sender, packet: &[u8], rtcp: bool) -> Result<Vec<u8>, Reason> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_TRAILER, 0xEE);
    let octets = sender.protect(&mut buffer, packet.len(), rtcp)?;
    buffer.truncate(octets);
    Ok(buffer)
}

/// At the time 0; asserts that a packet that is refused stays as it is.
pub fn unprotect(receiver: &mut Receiver, packet: &[u8], rtcp: bool) -> Result<Vec<u8>, Reason> {
    unprotect_at(receiver, packet, rtcp, 0.0)
}

pub fn unprotect_at(receiver: &mut Receiver, packet: &[u8], rtcp: bool, now: f64) -> Result<Vec<u8>, Reason> {
    let mut buffer = packet.to_vec();
    let result = receiver.unprotect(&mut buffer, rtcp, now);
    if result.is_err() {
        assert_eq!(buffer, packet, "{result:?}");
    }
    buffer.truncate(result?);
    Ok(buffer)
}

/// A protected packet with an MKI of so many octets: before the tag of an HMAC, else last.
pub fn insert_mki(suite: Suite, packet: &[u8], rtcp: bool, octets: usize) -> Vec<u8> {
    let tag = match suite {
        Suite::Gcm128 | Suite::Gcm256 => 0,
        _ if rtcp => suite.rtcp_tag(),
        _ => suite.rtp_tag(),
    };
    let (data, tag) = packet.split_at(packet.len() - tag);
    [data, &vec![0x77; octets], tag].concat()
}
