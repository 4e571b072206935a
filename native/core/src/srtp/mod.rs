//! SRTP and SRTCP (RFC 3711, 6188, 7714), one `Sender` and one `Receiver` for the two directions of a leg.

use crate::reason::Reason;

/// Octets that `Sender::protect` may add: tag, E flag and SRTCP index. No MKI is sent.
pub const MAX_TRAILER: usize = 20;

/// A crypto suite by its name in SDP (RFC 4568, 6188, 7714).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`
    AesCm128Sha1_80,
}

impl Suite {
    /// Every suite that this engine can do.
    pub const ALL: [Suite; 1] = [Suite::AesCm128Sha1_80];

    /// The suite of this name in SDP.
    pub fn from_name(_name: &str) -> Option<Suite> {
        todo!()
    }

    /// Its name in SDP.
    pub fn name(self) -> &'static str {
        todo!()
    }
}

/// A master key and salt with their suite, as one `a=crypto` line declares them. Prints without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {}

/// The key is not as long as its suite takes, or the MKI is longer than 128 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl Crypto {
    /// `key`: master key || master salt; `mki`: octets of the MKI in each packet, 0 for none.
    pub fn new(_suite: Suite, _key: &[u8], _mki: usize) -> Result<Crypto, BadKey> {
        todo!()
    }
}

/// How far one SSRC has come under one key: `Rollover` of `agw/engine/api.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollover {
    /// The SSRC.
    pub ssrc: u32,
    /// Rollover counter.
    pub roc: u32,
    /// Highest sequence number, None before the first packet.
    pub sequence: Option<u16>,
    /// Highest SRTCP index, None before the first packet.
    pub srtcp: Option<u32>,
}

/// Protects what leaves a leg with one key.
pub struct Sender {}

impl Sender {
    /// `window`: packets that may overtake each other; `ssrcs`: contexts at most.
    pub fn new(_crypto: &Crypto, _window: usize, _ssrcs: usize) -> Sender {
        todo!()
    }

    /// The key that it was made with.
    pub fn crypto(&self) -> &Crypto {
        todo!()
    }

    /// Protect the first `octets` of `buffer` in place; `MAX_TRAILER` more must be there. The new length.
    pub fn protect(&mut self, _buffer: &mut [u8], _octets: usize, _rtcp: bool) -> Result<usize, Reason> {
        todo!()
    }

    /// Every SSRC met so far.
    pub fn rollovers(&self) -> impl Iterator<Item = Rollover> + '_ {
        std::iter::empty()
    }

    /// Go on from there with this SSRC. `Reason::SsrcLimit` where there is no room.
    pub fn set_rollover(&mut self, _rollover: Rollover) -> Result<(), Reason> {
        todo!()
    }
}

/// Authenticates and decrypts what arrives at a leg with one key, and for a while with the one before.
pub struct Receiver {}

impl Receiver {
    /// `window`: replay window in packets (RFC 3711 3.3.2); `ssrcs`: contexts at most.
    pub fn new(_crypto: &Crypto, _window: usize, _ssrcs: usize) -> Receiver {
        todo!()
    }

    /// The key that it was made with.
    pub fn crypto(&self) -> &Crypto {
        todo!()
    }

    /// Take over from `old` at `now` (seconds): it serves what was on its way. Its own predecessor goes.
    pub fn succeed(&mut self, _old: Receiver, _now: f64) {
        todo!()
    }

    /// Unprotect `packet` in place. The plain length; the packet is as it was where it is refused.
    pub fn unprotect(&mut self, _packet: &mut [u8], _rtcp: bool, _now: f64) -> Result<usize, Reason> {
        todo!()
    }

    /// Every SSRC met so far under the present key.
    pub fn rollovers(&self) -> impl Iterator<Item = Rollover> + '_ {
        std::iter::empty()
    }

    /// Go on from there with this SSRC. `Reason::SsrcLimit` where there is no room.
    pub fn set_rollover(&mut self, _rollover: Rollover) -> Result<(), Reason> {
        todo!()
    }
}
