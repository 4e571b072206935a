//! Session keys (RFC 3711 4.3), key derivation rate 0.

use zeroize::Zeroizing;

use super::crypto::Crypto;
use super::keystream::{Aes, apply_keystream, salt_block};

/// Whose keys: their first label, that of the encryption key. The authentication key and the salt follow
/// (RFC 3711 4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Labels {
    Rtp = 0,
    Rtcp = 3,
}

/// The pseudo-random function of one master key.
pub(super) struct Derivation<A> {
    cipher: A,
    /// 112 bits; one of 96 is padded on the right with zeros (RFC 7714 11).
    salt: Zeroizing<u128>,
    salt_octets: usize,
}

impl<A: Aes> Derivation<A> {
    /// Of a suite whose cipher is `A`.
    pub(super) fn new(crypto: &Crypto) -> Derivation<A> {
        let (key, salt) = (crypto.master_key(), crypto.master_salt());
        Derivation { cipher: keyed(key), salt: salt_block(salt), salt_octets: salt.len() }
    }

    /// Session encryption key.
    pub(super) fn cipher(&self, labels: Labels) -> A {
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..A::key_size()];
        self.fill(labels as u8, key);
        keyed(key)
    }

    /// Session authentication key of HMAC-SHA1.
    pub(super) fn auth(&self, labels: Labels) -> Zeroizing<[u8; 20]> {
        let mut key = Zeroizing::new([0; 20]);
        self.fill(labels as u8 + 1, &mut *key);
        key
    }

    /// Session salt, as long as the master salt, as it begins a counter block.
    pub(super) fn salt(&self, labels: Labels) -> Zeroizing<u128> {
        let mut salt = Zeroizing::new([0; 14]);
        let salt = &mut salt[..self.salt_octets];
        self.fill(labels as u8 + 2, salt);
        salt_block(salt)
    }

    fn fill(&self, label: u8, zeros: &mut [u8]) {
        apply_keystream(&self.cipher, *self.salt ^ u128::from(label) << 64, zeros);
    }
}

fn keyed<A: Aes>(key: &[u8]) -> A {
    A::new(key.try_into().expect("a suite's key fits its cipher"))
}
