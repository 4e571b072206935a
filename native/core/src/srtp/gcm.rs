//! AES-GCM (RFC 7714). A packet ends with its tag, an RTCP packet then with the index; the MKI is last.

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, AesGcm, Tag};

use super::crypto::Crypto;
use super::header;
use super::kdf::{Aes, Derivation, Labels};
use super::suite::Suite;
use super::transform::{ENCRYPTED, INDEX, Transform};

const TAG: usize = 16;

/// Session keys of RTP, or of RTCP.
struct Keys<A> {
    cipher: AesGcm<A, U12>,
    salt: u128,
}

impl<A: Aes> Keys<A> {
    fn new(derivation: &Derivation<A>, labels: Labels, suite: Suite) -> Keys<A> {
        Keys { cipher: derivation.cipher(labels).into(), salt: derivation.salt(labels, suite.salt()) }
    }

    /// RFC 7714 8.1 and 9.1, which are one formula.
    #[inline]
    fn iv(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let iv = self.salt ^ u128::from(ssrc) << 80 ^ u128::from(index) << 32;
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&iv.to_be_bytes()[..12]);
        nonce
    }

    #[inline]
    fn encrypt(&self, aad: &[u8], payload: &mut [u8], ssrc: u32, index: u64) -> [u8; TAG] {
        let iv = self.iv(ssrc, index).into();
        self.cipher.encrypt_inout_detached(&iv, aad, payload.into()).expect("shorter than 2^36 octets").into()
    }

    #[inline]
    fn decrypt(&self, aad: &[u8], payload: &mut [u8], tag: &[u8], ssrc: u32, index: u64) -> Option<()> {
        let iv = self.iv(ssrc, index).into();
        let tag: &Tag = tag.try_into().ok()?;
        self.cipher.decrypt_inout_detached(&iv, aad, payload.into(), tag).ok()
    }
}

/// What RTCP authenticates besides its cipher text: its header and the word with the index.
#[inline]
fn rtcp_aad(header: &[u8], word: &[u8]) -> [u8; header::RTCP + INDEX] {
    let mut aad = [0; header::RTCP + INDEX];
    aad[..header::RTCP].copy_from_slice(header);
    aad[header::RTCP..].copy_from_slice(word);
    aad
}

/// Both sets of keys, with the octets of the MKI.
pub(super) struct Gcm<A> {
    rtp: Keys<A>,
    rtcp: Keys<A>,
    mki: u8,
}

impl<A: Aes> Gcm<A> {
    pub(super) fn new(crypto: &Crypto) -> Gcm<A> {
        let derivation = Derivation::new(crypto.master_key(), crypto.master_salt());
        Gcm {
            rtp: Keys::new(&derivation, Labels::Rtp, crypto.suite()),
            rtcp: Keys::new(&derivation, Labels::Rtcp, crypto.suite()),
            mki: crypto.mki() as u8,
        }
    }
}

impl<A: Aes> Transform for Gcm<A> {
    fn seal(&self, buffer: &mut [u8], octets: usize, header: usize, ssrc: u32, index: u64) -> usize {
        let (aad, rest) = buffer.split_at_mut(header);
        let (payload, rest) = rest.split_at_mut(octets - header);
        let tag = self.rtp.encrypt(aad, payload, ssrc, index);
        rest[..TAG].copy_from_slice(&tag);
        octets + TAG
    }

    fn open(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Option<usize> {
        let octets = packet.len() - usize::from(self.mki) - TAG;
        let (aad, rest) = packet.split_at_mut(header);
        let (payload, rest) = rest.split_at_mut(octets - header);
        self.rtp.decrypt(aad, payload, &rest[..TAG], ssrc, index)?;
        Some(octets)
    }

    fn seal_rtcp(&self, buffer: &mut [u8], octets: usize, ssrc: u32, index: u32) -> usize {
        let word = (ENCRYPTED | index).to_be_bytes();
        let (header, rest) = buffer.split_at_mut(header::RTCP);
        let (payload, rest) = rest.split_at_mut(octets - header::RTCP);
        let tag = self.rtcp.encrypt(&rtcp_aad(header, &word), payload, ssrc, index.into());
        rest[..TAG].copy_from_slice(&tag);
        rest[TAG..TAG + INDEX].copy_from_slice(&word);
        octets + TAG + INDEX
    }

    fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let octets = packet.len() - usize::from(self.mki) - INDEX - TAG;
        let (header, rest) = packet.split_at_mut(header::RTCP);
        let (payload, rest) = rest.split_at_mut(octets - header::RTCP);
        let aad = rtcp_aad(header, &rest[TAG..TAG + INDEX]);
        self.rtcp.decrypt(&aad, payload, &rest[..TAG], ssrc, index.into())?;
        Some(octets)
    }
}
