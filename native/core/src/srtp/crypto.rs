//! What one `a=crypto` line declares.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::suite::Suite;

/// Longest master key with its salt.
const MAX_KEY: usize = 46;
/// Longest MKI (RFC 4568 6.1).
const MAX_MKI: usize = 128;

/// A master key and salt with their suite, as one `a=crypto` line declares them. Prints without the key.
#[derive(Clone)]
pub struct Crypto {
    suite: Suite,
    mki: u8,
    /// Zero beyond what the suite takes. Shared: a move or a clone leaves no copy behind.
    key: Arc<Zeroizing<[u8; MAX_KEY]>>,
}

/// The key is not as long as its suite takes, or the MKI is longer than 128 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl Crypto {
    /// `key`: master key || master salt; `mki`: octets of the MKI in each packet, 0 for none.
    pub fn new(suite: Suite, key: &[u8], mki: usize) -> Result<Crypto, BadKey> {
        if key.len() != suite.key() + suite.salt() || mki > MAX_MKI {
            return Err(BadKey);
        }
        let mut shared = Arc::new(Zeroizing::new([0; MAX_KEY]));
        Arc::make_mut(&mut shared)[..key.len()].copy_from_slice(key);
        Ok(Crypto { suite, mki: mki as u8, key: shared })
    }

    /// The suite that the key is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn mki(&self) -> usize {
        self.mki.into()
    }

    pub(super) fn master_key(&self) -> &[u8] {
        &self.key[..self.suite.key()]
    }

    pub(super) fn master_salt(&self) -> &[u8] {
        &self.key[self.suite.key()..][..self.suite.salt()]
    }
}

impl PartialEq for Crypto {
    /// Tells nothing of the key by the time that it takes.
    fn eq(&self, other: &Crypto) -> bool {
        self.suite == other.suite && self.mki == other.mki && bool::from(self.key.ct_eq(&**other.key))
    }
}

impl Eq for Crypto {}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<key, {} bytes>", self.suite.key() + self.suite.salt())
    }
}
