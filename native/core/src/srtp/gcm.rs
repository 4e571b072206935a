//! AES-GCM (RFC 7714). A packet ends with its tag, an RTCP packet then with the index; the MKI is last.

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, AesGcm, Tag};
use zeroize::Zeroizing;

use super::crypto::Crypto;
use super::header;
use super::kdf::{Derivation, Labels};
use super::keystream::Aes;
use super::transform::{ENCRYPTED, INDEX, Transform};

const TAG: usize = 16;

/// Session keys of RTP, or of RTCP.
struct Keys<A> {
    cipher: AesGcm<A, U12>,
    salt: Zeroizing<u128>,
}

impl<A: Aes> Keys<A> {
    fn new(derivation: &Derivation<A>, labels: Labels) -> Keys<A> {
        Keys { cipher: derivation.cipher(labels).into(), salt: derivation.salt(labels) }
    }

    /// RFC 7714 8.1 and 9.1, which are one formula.
    #[inline]
    fn iv(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let iv = *self.salt ^ u128::from(ssrc) << 80 ^ u128::from(index) << 32;
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
        let derivation = Derivation::new(crypto);
        Gcm {
            rtp: Keys::new(&derivation, Labels::Rtp),
            rtcp: Keys::new(&derivation, Labels::Rtcp),
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

/// RFC 7714 16 and 17, whose session keys come from nowhere.
#[cfg(test)]
mod tests {
    use super::super::keystream::salt_block;
    use super::super::vectors::hex;
    use super::*;

    fn gcm<A: Aes>(key: &[u8]) -> Gcm<A> {
        let keys = || Keys {
            cipher: A::new(key.try_into().unwrap()).into(),
            salt: salt_block(&hex("517569642070726F2071756F")),
        };
        Gcm { rtp: keys(), rtcp: keys(), mki: 0 }
    }

    fn key(octets: u8) -> Vec<u8> {
        (0..octets).collect()
    }

    const PAYLOAD: &str = "47616C6C696120657374206F6D6E69732064697669736120696E207061727465732074726573";

    fn rtp<A: Aes>(gcm: &Gcm<A>, cipher_text: &str) {
        let header = hex("8040F17B8041F8D35501A0B2");
        let ssrc = header::word(&header, 8);
        let index = header::sequence(&header).into();
        let plain = [header, hex(PAYLOAD)].concat();
        let mut packet = [plain.as_slice(), &[0; TAG]].concat();
        assert_eq!(gcm.seal(&mut packet, plain.len(), header::RTP, ssrc, index), packet.len());
        assert_eq!(packet[header::RTP..], hex(cipher_text));
        assert_eq!(gcm.open(&mut packet, header::RTP, ssrc, index), Some(plain.len()));
        assert_eq!(packet[..plain.len()], plain);
    }

    fn rtcp<A: Aes>(gcm: &Gcm<A>, cipher_text: &str) {
        let plain = hex("81C8000D4D617273 4E5450314E545032525450200000042A0000E9304C756E61
             DEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEF");
        let ssrc = header::word(&plain, 4);
        let mut packet = [plain.as_slice(), &[0; TAG + INDEX]].concat();
        assert_eq!(gcm.seal_rtcp(&mut packet, plain.len(), ssrc, 0x5D4), packet.len());
        assert_eq!(packet[header::RTCP..], hex(cipher_text));
        assert_eq!(gcm.open_rtcp(&mut packet, ssrc, 0x5D4), Some(plain.len()));
        assert_eq!(packet[..plain.len()], plain);
    }

    #[test]
    fn aes_128() {
        let gcm = gcm::<aes::Aes128Enc>(&key(16));
        rtp(
            &gcm,
            "F24DE3A3FB34DE6CACBA861C9D7E4BCABE633BD50D294E6F42A5F47A51C7D19B36DE3ADF8833
             899D7F27BEB16A9152CF765EE4390CCE",
        );
        rtcp(
            &gcm,
            "63E94885DCDAB67CA727D7662F6B7E997FF5C0F76C06F32DC676A5F1730D6FDA4CE09B4686303DED0BB9275B
             C84AA45896CF4D2FC5ABF87245D9EADE 800005D4",
        );
    }

    #[test]
    fn aes_256() {
        let gcm = gcm::<aes::Aes256Enc>(&key(32));
        rtp(
            &gcm,
            "32B1DE78A822FE12EF9F78FA332E33AAB18012389A58E2F3B50B2A0276FFAE0F1BA63799B87B
             7AA3DB36DFFFD6B0F9BB7878D7A76C13",
        );
        rtcp(
            &gcm,
            "D50AE4D1F5CE5D304BA297E47D470C282C3ECE5DBFFE0A50A2EAA5C1110555BE8415F658C61DE0476F1B6FAD
             1D1EB30C4446839F57FF6F6CB26AC3BE 800005D4",
        );
    }
}
