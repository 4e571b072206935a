//! Crypto suites and their lengths.

/// A crypto suite by its name in SDP (RFC 4568, 6188, 7714).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`
    AesCm128Sha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`
    AesCm128Sha1_32,
    /// `AES_256_CM_HMAC_SHA1_80`
    AesCm256Sha1_80,
    /// `AES_256_CM_HMAC_SHA1_32`
    AesCm256Sha1_32,
    /// `AEAD_AES_128_GCM`
    Gcm128,
    /// `AEAD_AES_256_GCM`
    Gcm256,
}

impl Suite {
    /// Every suite that this engine can do.
    pub const ALL: [Suite; 6] = [
        Suite::AesCm128Sha1_80,
        Suite::AesCm128Sha1_32,
        Suite::AesCm256Sha1_80,
        Suite::AesCm256Sha1_32,
        Suite::Gcm128,
        Suite::Gcm256,
    ];

    /// The suite of this name in SDP.
    pub fn from_name(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Its name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AesCm128Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AesCm256Sha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::AesCm256Sha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Suite::Gcm128 => "AEAD_AES_128_GCM",
            Suite::Gcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of the master key.
    pub const fn key(self) -> usize {
        match self {
            Suite::AesCm128Sha1_80 | Suite::AesCm128Sha1_32 | Suite::Gcm128 => 16,
            Suite::AesCm256Sha1_80 | Suite::AesCm256Sha1_32 | Suite::Gcm256 => 32,
        }
    }

    /// Octets of the master salt.
    pub const fn salt(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets of the tag of RTP.
    pub const fn rtp_tag(self) -> usize {
        match self {
            Suite::AesCm128Sha1_80 | Suite::AesCm256Sha1_80 => 10,
            Suite::AesCm128Sha1_32 | Suite::AesCm256Sha1_32 => 4,
            Suite::Gcm128 | Suite::Gcm256 => 16,
        }
    }

    /// Octets of the tag of RTCP: 80 bits with every HMAC (RFC 4568 6.2.2).
    pub const fn rtcp_tag(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }

    pub(super) const fn is_aead(self) -> bool {
        matches!(self, Suite::Gcm128 | Suite::Gcm256)
    }
}
