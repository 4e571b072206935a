//! One side of a stream, as it is told: `Leg` of `agw/engine/api.py`.

use std::net::SocketAddr;

pub use crate::address::{BadPrefix, Prefix};
use crate::srtp::Crypto;

/// What stands between the wire and the stream at one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transform {
    /// Nothing passes.
    #[default]
    Closed,
    /// RTP and RTCP as they are.
    None,
    /// SRTP and SRTCP on the wire.
    Srtp,
    /// Any datagram, unread.
    Datagram,
    /// Any datagram, to Python.
    Handed,
}

/// One side of a stream. Its fields are those of the contract.
#[derive(Clone, Default)]
pub struct Leg {
    /// What is done with packets.
    pub transform: Transform,
    /// Key of what leaves.
    pub send: Option<Crypto>,
    /// Key of what arrives.
    pub receive: Option<Crypto>,
    /// SRTCP has the following keys, not those above.
    pub rtcp_apart: bool,
    /// Key of SRTCP that leaves.
    pub rtcp_send: Option<Crypto>,
    /// Key of SRTCP that arrives.
    pub rtcp_receive: Option<Crypto>,
    /// The gate outwards.
    pub may_send: bool,
    /// The gate inwards.
    pub may_receive: bool,
    /// Where RTP goes to and comes from.
    pub remote: Option<SocketAddr>,
    /// The same of RTCP.
    pub rtcp_remote: Option<SocketAddr>,
    /// Take the source of packets instead.
    pub latching: bool,
    /// Where a latch may go.
    pub source: Option<Prefix>,
    /// RTCP shares the RTP port.
    pub rtcp_mux: bool,
    /// STUN and DTLS wait for Python.
    pub hand_over: bool,
}
