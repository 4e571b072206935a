//! Values of Python as those of the engine, and back; its errors as exceptions. No key in any text.

use std::io;
use std::net::{IpAddr, SocketAddr};

use packet_engine::engine::{Counters, EngineError, PortId};
use packet_engine::leg::{Prefix, Transform};
use packet_engine::srtp::{Crypto, Suite};
use pyo3::exceptions::{PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;

/// Host and port.
pub type Address = (String, u16);

/// Suite, master key || master salt, octets of the MKI.
pub type CryptoArgument<'a> = (&'a str, &'a [u8], usize);

/// Packets, octets, RTCP packets, datagrams handed over, drops by reason.
pub type CountersValue = (u64, u64, u64, u64, Vec<u64>);

/// Counters, latched source of RTP and of RTCP, last activity.
pub type StateValue = (CountersValue, Option<Address>, Option<Address>, Option<f64>);

/// SSRC, sends, ROC, highest sequence number, highest SRTCP index.
pub type RolloverValue = (u32, bool, u32, Option<u16>, Option<u32>);

/// How Python prints `(host, port)` of a socket's peer.
pub fn host_and_port(address: SocketAddr) -> Address {
    (address.ip().to_string(), address.port())
}

/// Raises ValueError where the host is no IP address.
pub fn address((host, port): (&str, u16)) -> PyResult<SocketAddr> {
    host.parse::<IpAddr>()
        .map(|ip| SocketAddr::new(ip, port))
        .map_err(|_| PyValueError::new_err("not an IP address"))
}

/// What a socket is to be bound to.
pub fn socket(host: &str, port: u32) -> io::Result<(IpAddr, u16)> {
    let ip = host.parse().map_err(|_| io::Error::other("not an IP address"))?;
    let port = u16::try_from(port).map_err(|_| io::Error::other("port out of range"))?;
    Ok((ip, port))
}

/// By the values of `agw.engine.api.Transform`.
pub fn transform(name: &str) -> PyResult<Transform> {
    match name {
        "closed" => Ok(Transform::Closed),
        "none" => Ok(Transform::None),
        "srtp" => Ok(Transform::Srtp),
        "datagram" => Ok(Transform::Datagram),
        "handed" => Ok(Transform::Handed),
        _ => Err(PyValueError::new_err(format!("no transform {name}"))),
    }
}

/// The octets go straight from Python's memory into memory that is wiped.
pub fn crypto((name, key, mki): CryptoArgument<'_>) -> PyResult<Crypto> {
    Suite::from_name(name)
        .and_then(|suite| Crypto::new(suite, key, mki).ok())
        .ok_or_else(|| PyValueError::new_err(format!("{name} cannot be done with this key")))
}

/// Raises ValueError.
pub fn prefix(text: &str) -> PyResult<Prefix> {
    text.parse().map_err(|_| PyValueError::new_err("not an IP address or prefix"))
}

pub fn counters(counted: Counters) -> CountersValue {
    (counted.packets, counted.octets, counted.rtcp, counted.handed_over, counted.drops.to_vec())
}

/// OSError, of the class that belongs to its errno; the text is that of `os.strerror`.
pub fn os_error(error: io::Error) -> PyErr {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            let suffix = format!(" (os error {number})");
            PyOSError::new_err((number, text.strip_suffix(&suffix).unwrap_or(&text).to_owned()))
        }
        None => PyOSError::new_err(text),
    }
}

/// KeyError for a port that is not open, else ValueError.
pub fn port_error(port: PortId, error: EngineError) -> PyErr {
    match error {
        EngineError::NoPort => PyKeyError::new_err(port),
        EngineError::NoKey => PyValueError::new_err("no key for this direction"),
        EngineError::SsrcLimit => PyValueError::new_err("the key has met as many SSRCs as it may"),
    }
}
