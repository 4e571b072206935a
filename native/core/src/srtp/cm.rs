//! AES-CM with HMAC-SHA1 (RFC 3711 4.1.1, 4.2.1; RFC 6188).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::crypto::Crypto;
use super::header;
use super::kdf::{Derivation, Labels};
use super::keystream::{Aes, apply_keystream};
use super::mac::Mac;
use super::transform::{ENCRYPTED, INDEX, Transform};

/// Session keys of RTP, or of RTCP.
struct Keys<A> {
    cipher: A,
    salt: Zeroizing<u128>,
    mac: Mac,
}

impl<A: Aes> Keys<A> {
    fn new(derivation: &Derivation<A>, labels: Labels) -> Keys<A> {
        Keys {
            cipher: derivation.cipher(labels),
            salt: derivation.salt(labels),
            mac: Mac::new(&derivation.auth(labels)),
        }
    }

    #[inline]
    fn crypt(&self, payload: &mut [u8], ssrc: u32, index: u64) {
        let iv = *self.salt ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        apply_keystream(&self.cipher, iv, payload);
    }

    #[inline]
    fn authentic(&self, data: &[u8], suffix: &[u8], tag: &[u8]) -> bool {
        self.mac.sign(data, suffix)[..tag.len()].ct_eq(tag).into()
    }
}

/// Both sets of keys, with the octets of the tags and of the MKI before them.
pub(super) struct Cm<A> {
    rtp: Keys<A>,
    rtcp: Keys<A>,
    rtp_tag: u8,
    rtcp_tag: u8,
    mki: u8,
}

impl<A: Aes> Cm<A> {
    pub(super) fn new(crypto: &Crypto) -> Cm<A> {
        let suite = crypto.suite();
        let derivation = Derivation::new(crypto);
        Cm {
            rtp: Keys::new(&derivation, Labels::Rtp),
            rtcp: Keys::new(&derivation, Labels::Rtcp),
            rtp_tag: suite.rtp_tag() as u8,
            rtcp_tag: suite.rtcp_tag() as u8,
            mki: crypto.mki() as u8,
        }
    }
}

/// The rollover counter, which follows what is signed.
#[inline]
fn roc(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

impl<A: Aes> Transform for Cm<A> {
    fn seal(&self, buffer: &mut [u8], octets: usize, header: usize, ssrc: u32, index: u64) -> usize {
        let tag = usize::from(self.rtp_tag);
        self.rtp.crypt(&mut buffer[header..octets], ssrc, index);
        let signature = self.rtp.mac.sign(&buffer[..octets], &roc(index));
        buffer[octets..octets + tag].copy_from_slice(&signature[..tag]);
        octets + tag
    }

    fn open(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Option<usize> {
        let (data, tag) = packet.split_at_mut(packet.len() - usize::from(self.rtp_tag));
        let octets = data.len() - usize::from(self.mki);
        self.rtp.authentic(&data[..octets], &roc(index), tag).then(|| {
            self.rtp.crypt(&mut data[header..octets], ssrc, index);
            octets
        })
    }

    fn seal_rtcp(&self, buffer: &mut [u8], octets: usize, ssrc: u32, index: u32) -> usize {
        let (end, tag) = (octets + INDEX, usize::from(self.rtcp_tag));
        self.rtcp.crypt(&mut buffer[header::RTCP..octets], ssrc, index.into());
        buffer[octets..end].copy_from_slice(&(ENCRYPTED | index).to_be_bytes());
        let signature = self.rtcp.mac.sign(&buffer[..end], &[]);
        buffer[end..end + tag].copy_from_slice(&signature[..tag]);
        end + tag
    }

    fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let (data, tag) = packet.split_at_mut(packet.len() - usize::from(self.rtcp_tag));
        let end = data.len() - usize::from(self.mki);
        self.rtcp.authentic(&data[..end], &[], tag).then(|| {
            self.rtcp.crypt(&mut data[header::RTCP..end - INDEX], ssrc, index.into());
            end - INDEX
        })
    }
}
