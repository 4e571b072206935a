//! Prefixes of IP addresses: where a latch may go.

use std::net::IpAddr;
use std::str::FromStr;

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Its other bits are zero.
    network: IpAddr,
    bits: u32,
}

impl Prefix {
    /// Does it hold this address? One of the other family: no.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address, self.bits) == Some(self.network)
    }
}

/// The text is neither an address nor a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPrefix;

impl FromStr for Prefix {
    type Err = BadPrefix;

    /// "192.0.2.0/24", "2001:db8::1"; bits after the prefix are ignored.
    fn from_str(text: &str) -> Result<Prefix, BadPrefix> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(head, tail)| (head, Some(tail)));
        let address: IpAddr = address.parse().map_err(|_| BadPrefix)?;
        let bits = match bits {
            None => Some(if address.is_ipv4() { u32::BITS } else { u128::BITS }),
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse().ok(),
            Some(_) => None,
        };
        bits.and_then(|bits| masked(address, bits).map(|network| Prefix { network, bits })).ok_or(BadPrefix)
    }
}

/// The address with zeros after its first `bits`; None: it has not so many.
fn masked(address: IpAddr, bits: u32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(four) => {
            let rest = u32::BITS.checked_sub(bits)?;
            Some(IpAddr::V4((four.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0)).into()))
        }
        IpAddr::V6(six) => {
            let rest = u128::BITS.checked_sub(bits)?;
            Some(IpAddr::V6((six.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0)).into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(prefix: &str, address: &str) -> bool {
        prefix.parse::<Prefix>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn prefixes_hold_what_begins_alike() {
        assert!(holds("192.0.2.1", "192.0.2.1"));
        assert!(!holds("192.0.2.1", "192.0.2.2"));
        assert!(holds("192.0.2.77/24", "192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::5/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("::/0", "fe80::1"));
        assert!(!holds("::1", "::2"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "/", "192.0.2.1/", "192.0.2.1/33", "::/129", "::/+1", "192.0.2/24", "a", "1.2.3.4/8/8"]
        {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
