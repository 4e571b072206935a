//! The direction that leaves a leg.

use super::contexts::Contexts;
use super::crypto::Crypto;
use super::transform::{ENCRYPTED, Transform, transform};
use super::{MAX_TRAILER, Rollover, header};
use crate::reason::Reason;

/// A sender counts SRTCP itself: of its indices it remembers the last.
const SRTCP_WINDOW: usize = 1;

/// Protects what leaves a leg with one key.
pub struct Sender {
    transform: Box<dyn Transform>,
    contexts: Contexts,
    crypto: Crypto,
}

impl Sender {
    /// `window`: packets that may overtake each other; `ssrcs`: contexts at most.
    pub fn new(crypto: &Crypto, window: usize, ssrcs: usize) -> Sender {
        let contexts = Contexts::new(ssrcs, (window, SRTCP_WINDOW));
        Sender { transform: transform(crypto), contexts, crypto: crypto.clone() }
    }

    /// The key that it was made with.
    pub fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    /// Protect the first `octets` of `buffer` in place; `MAX_TRAILER` more must be there. The new length.
    ///
    /// `Reason::Replay`: its index was used before, a second use would reveal plain text. `Reason::NoKey`:
    /// the key has protected all the packets that it may (RFC 3711 9.2).
    pub fn protect(&mut self, buffer: &mut [u8], octets: usize, rtcp: bool) -> Result<usize, Reason> {
        if buffer.len() < octets + MAX_TRAILER {
            return Err(Reason::TooLarge);
        }
        if rtcp { self.protect_rtcp(buffer, octets) } else { self.protect_rtp(buffer, octets) }
    }

    fn protect_rtp(&mut self, buffer: &mut [u8], octets: usize) -> Result<usize, Reason> {
        let packet = &buffer[..octets];
        if octets < header::RTP {
            return Err(Reason::Malformed);
        }
        let ssrc = header::word(packet, 8);
        let sequence = header::sequence(packet);
        let place = self.contexts.find(ssrc)?;
        let header = header::rtp_length(packet).ok_or(Reason::Malformed)?;
        let index = match self.contexts.get(place) {
            Some(context) => context.rtp_index(sequence)?,
            None => sequence.into(),
        };
        self.contexts.open(place, ssrc).rtp.accept(index);
        Ok(self.transform.seal(buffer, octets, header, ssrc, index))
    }

    fn protect_rtcp(&mut self, buffer: &mut [u8], octets: usize) -> Result<usize, Reason> {
        if octets < header::RTCP {
            return Err(Reason::Malformed);
        }
        let ssrc = header::word(buffer, 4);
        let place = self.contexts.find(ssrc)?;
        let last = self.contexts.get(place).and_then(|context| context.srtcp.highest());
        let index = last.unwrap_or(0) + 1;
        if index >= u64::from(ENCRYPTED) {
            return Err(Reason::NoKey);
        }
        self.contexts.open(place, ssrc).srtcp.accept(index);
        Ok(self.transform.seal_rtcp(buffer, octets, ssrc, index as u32))
    }

    /// Every SSRC met so far.
    pub fn rollovers(&self) -> impl Iterator<Item = Rollover> + '_ {
        self.contexts.rollovers()
    }

    /// Go on from there with this SSRC. `Reason::SsrcLimit` where there is no room.
    pub fn set_rollover(&mut self, rollover: Rollover) -> Result<(), Reason> {
        self.contexts.set(rollover)
    }
}
