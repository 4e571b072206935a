//! Session keys (RFC 3711 4.3) and the key stream that they, and AES-CM, are made of.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipherCore};
use ctr::{CtrCore, flavors::Ctr32BE};
use zeroize::Zeroizing;

/// AES with a key of either length, for encryption.
pub(super) trait Aes:
    BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send + Sync + 'static
{
}

impl Aes for aes::Aes128Enc {}
impl Aes for aes::Aes256Enc {}

/// AES-CM (RFC 3711 4.1.1): `data` exclusive-or the key stream that begins at the counter block `iv`. A packet
/// has fewer than 2^16 blocks, and the last 16 bits of its first counter are zero: no other bit changes.
#[inline]
pub(super) fn apply_keystream<A: Aes>(cipher: &A, iv: u128, data: &mut [u8]) {
    CtrCore::<&A, Ctr32BE>::inner_iv_init(cipher, &iv.to_be_bytes().into())
        .apply_keystream_partial(data.into());
}

/// A salt as the number that its octets begin in a counter block.
pub(super) fn salt_block(salt: &[u8]) -> u128 {
    let mut block = [0; 16];
    block[..salt.len()].copy_from_slice(salt);
    u128::from_be_bytes(block)
}

/// Key derivation rate 0; a salt of 96 bits is padded on the right with zeros (RFC 7714 11).
pub(super) struct Derivation<A> {
    cipher: A,
    salt: u128,
}

/// First label of the keys for RTP, and for RTCP: of the encryption key, then those of the authentication key
/// and of the salt (RFC 3711 4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Labels {
    Rtp = 0,
    Rtcp = 3,
}

impl<A: Aes> Derivation<A> {
    /// `key` is as long as the key of `A`.
    pub(super) fn new(key: &[u8], salt: &[u8]) -> Derivation<A> {
        let key = key.try_into().expect("Crypto::new has checked the length");
        Derivation { cipher: A::new(key), salt: salt_block(salt) }
    }

    /// Session encryption key.
    pub(super) fn cipher(&self, labels: Labels) -> A {
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..A::key_size()];
        self.fill(labels as u8, key);
        A::new((&*key).try_into().expect("as long as a key of A"))
    }

    /// Session authentication key of HMAC-SHA1.
    pub(super) fn auth(&self, labels: Labels) -> Zeroizing<[u8; 20]> {
        let mut key = Zeroizing::new([0; 20]);
        self.fill(labels as u8 + 1, &mut *key);
        key
    }

    /// Session salt of so many octets, as it begins a counter block.
    pub(super) fn salt(&self, labels: Labels, octets: usize) -> u128 {
        let mut salt = Zeroizing::new([0; 16]);
        self.fill(labels as u8 + 2, &mut salt[..octets]);
        u128::from_be_bytes(*salt)
    }

    fn fill(&self, label: u8, out: &mut [u8]) {
        apply_keystream(&self.cipher, self.salt ^ u128::from(label) << 64, out);
    }
}
