//! SRTP and SRTCP (RFC 3711, 6188, 7714), one `Sender` and one `Receiver` for the two directions of a leg.

mod cm;
mod contexts;
mod crypto;
mod gcm;
mod header;
mod index;
mod kdf;
mod keystream;
mod mac;
mod receiver;
mod sender;
mod suite;
mod transform;
#[cfg(test)]
mod vectors;

pub use crypto::{BadKey, Crypto};
pub use receiver::Receiver;
pub use sender::Sender;
pub use suite::Suite;

/// Octets that `Sender::protect` may add: tag, E flag and SRTCP index. No MKI is sent.
pub const MAX_TRAILER: usize = 20;

/// Seconds for which packets that were on their way at a key change are still taken.
pub const OLD_KEY_SECONDS: f64 = 2.0;

/// How far one SSRC has come under one key: `Rollover` of `agw/engine/api.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollover {
    /// The SSRC.
    pub ssrc: u32,
    /// Rollover counter.
    pub roc: u32,
    /// Highest sequence number, None before the first packet.
    pub sequence: Option<u16>,
    /// Highest SRTCP index, None before the first packet.
    pub srtcp: Option<u32>,
}
