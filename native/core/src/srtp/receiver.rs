//! The direction that arrives at a leg.

use std::mem;

use super::contexts::Contexts;
use super::crypto::Crypto;
use super::transform::{ENCRYPTED, INDEX, Transform, transform};
use super::{OLD_KEY_SECONDS, Rollover, header};
use crate::reason::Reason;

/// Authenticates and decrypts what arrives at a leg with one key, and for a while with the one before.
pub struct Receiver {
    keyed: Keyed,
    old: Option<Box<Old>>,
}

/// The key before. It stays known, should it come back: a refused change is taken back.
struct Old {
    keyed: Keyed,
    /// Seconds. It serves until then, or until the first packet under its successor.
    until: f64,
}

impl Receiver {
    /// `window`: replay window in packets (RFC 3711 3.3.2); `ssrcs`: contexts at most.
    pub fn new(crypto: &Crypto, window: usize, ssrcs: usize) -> Receiver {
        let contexts = Contexts::new(ssrcs, (window, window));
        let keyed = Keyed { transform: transform(crypto), contexts, crypto: crypto.clone() };
        Receiver { keyed, old: None }
    }

    /// The key that it was made with.
    pub fn crypto(&self) -> &Crypto {
        &self.keyed.crypto
    }

    /// Take over from `old` at `now` (seconds): it serves what was on its way. Its own predecessor goes.
    pub fn succeed(&mut self, old: Receiver, now: f64) {
        self.old = Some(Box::new(Old { keyed: old.keyed, until: now + OLD_KEY_SECONDS }));
    }

    /// Go back to the key before, as it was, if that is `key`; the present one becomes the old one.
    pub fn go_back(&mut self, key: &Crypto, now: f64) -> bool {
        let Some(old) = self.old.as_mut().filter(|old| old.keyed.crypto == *key) else { return false };
        mem::swap(&mut self.keyed, &mut old.keyed);
        old.until = now + OLD_KEY_SECONDS;
        true
    }

    /// Unprotect `packet` in place. The plain length; the packet is as it was where it is refused.
    pub fn unprotect(&mut self, packet: &mut [u8], rtcp: bool, now: f64) -> Result<usize, Reason> {
        let result = self.keyed.unprotect(packet, rtcp);
        let Some(old) = &mut self.old else { return result };
        if result.is_ok() {
            old.until = f64::NEG_INFINITY;
        }
        if now >= old.until {
            return result;
        }
        result.or_else(|reason| old.keyed.unprotect(packet, rtcp).map_err(|_| reason))
    }

    /// Every SSRC met so far under the present key.
    pub fn rollovers(&self) -> impl Iterator<Item = Rollover> + '_ {
        self.keyed.contexts.rollovers()
    }

    /// Go on from there with this SSRC. `Reason::SsrcLimit` where there is no room.
    pub fn set_rollover(&mut self, rollover: Rollover) -> Result<(), Reason> {
        self.keyed.contexts.set(rollover)
    }
}

/// What belongs to one key.
struct Keyed {
    transform: Box<dyn Transform>,
    contexts: Contexts,
    crypto: Crypto,
}

impl Keyed {
    fn unprotect(&mut self, packet: &mut [u8], rtcp: bool) -> Result<usize, Reason> {
        if rtcp { self.unprotect_rtcp(packet) } else { self.unprotect_rtp(packet) }
    }

    fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Reason> {
        let mki = self.crypto.mki();
        let tag = self.crypto.suite().rtp_tag();
        if packet.len() < header::RTP + mki + tag {
            return Err(Reason::Short);
        }
        let ssrc = header::word(packet, 8);
        let sequence = header::sequence(packet);
        let place = self.contexts.find(ssrc)?;
        let octets = packet.len() - mki;
        let header = header::rtp_length(&packet[..octets]).ok_or(Reason::Malformed)?;
        let index = match self.contexts.get(place) {
            Some(context) => context.rtp_index(sequence)?,
            None => sequence.into(),
        };
        if header > octets - tag {
            return Err(Reason::Malformed);
        }
        let plain = self.transform.open(packet, header, ssrc, index).ok_or(Reason::Auth)?;
        self.contexts.open(place, ssrc).rtp.accept(index);
        Ok(plain)
    }

    fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Reason> {
        let mki = self.crypto.mki();
        let suite = self.crypto.suite();
        if packet.len() < header::RTCP + INDEX + mki + suite.rtcp_tag() {
            return Err(Reason::Short);
        }
        let ssrc = header::word(packet, 4);
        let place = self.contexts.find(ssrc)?;
        let behind = if suite.is_aead() { mki } else { mki + suite.rtcp_tag() };
        let word = header::word(packet, packet.len() - behind - INDEX);
        if word & ENCRYPTED == 0 {
            return Err(Reason::Auth); // authentic or not: encryption was agreed upon (RFC 4568 6.3.2)
        }
        let index = word & !ENCRYPTED;
        if let Some(context) = self.contexts.get(place) {
            context.srtcp.check(index.into())?;
        }
        let plain = self.transform.open_rtcp(packet, ssrc, index).ok_or(Reason::Auth)?;
        self.contexts.open(place, ssrc).srtcp.accept(index.into());
        Ok(plain)
    }
}
