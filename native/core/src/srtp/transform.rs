//! What a suite does to a packet whose header, SSRC and index are known.

use super::cm::Cm;
use super::crypto::Crypto;
use super::gcm::Gcm;
use super::suite::Suite;

/// Flag of an SRTCP packet that is encrypted (RFC 3711 3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;
/// Octets of the E flag and the SRTCP index.
pub(super) const INDEX: usize = 4;

/// Session keys of one master key, in one direction. `open` and `open_rtcp` leave a packet that does not
/// authenticate as it was. Lengths are checked before.
pub(super) trait Transform: Send + Sync {
    /// Encrypt what follows `header` octets, append the tag. The new length.
    fn seal(&self, buffer: &mut [u8], octets: usize, header: usize, ssrc: u32, index: u64) -> usize;

    /// Authenticate, decrypt what follows `header` octets. The plain length, None: not authentic.
    fn open(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Option<usize>;

    /// The same with RTCP and the SRTCP index.
    fn seal_rtcp(&self, buffer: &mut [u8], octets: usize, ssrc: u32, index: u32) -> usize;

    /// The same with RTCP and the SRTCP index.
    fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize>;
}

/// Derive the session keys.
pub(super) fn transform(crypto: &Crypto) -> Box<dyn Transform> {
    match crypto.suite() {
        Suite::AesCm128Sha1_80 | Suite::AesCm128Sha1_32 => Box::new(Cm::<aes::Aes128Enc>::new(crypto)),
        Suite::AesCm256Sha1_80 | Suite::AesCm256Sha1_32 => Box::new(Cm::<aes::Aes256Enc>::new(crypto)),
        Suite::Gcm128 => Box::new(Gcm::<aes::Aes128Enc>::new(crypto)),
        Suite::Gcm256 => Box::new(Gcm::<aes::Aes256Enc>::new(crypto)),
    }
}
