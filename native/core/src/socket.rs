//! UDP sockets for media: non-blocking, bound, marked, with room for a stall.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, sendto, socket_with,
    sockopt,
};

/// Octets. About a second of video for a worker that is late; the kernel may allow less.
const RECEIVE_BUFFER: usize = 256 * 1024;

/// Bind `port` and `port + 1`; after an error nothing is left open.
pub fn open_pair(address: IpAddr, port: u16, dscp: u8) -> io::Result<(OwnedFd, OwnedFd)> {
    let next = port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
    let rtp = open(SocketAddr::new(address, port), dscp)?;
    Ok((rtp, open(SocketAddr::new(address, next), dscp)?))
}

fn open(address: SocketAddr, dscp: u8) -> io::Result<OwnedFd> {
    let six = address.is_ipv6();
    let family = if six { AddressFamily::INET6 } else { AddressFamily::INET };
    let made = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_recv_buffer_size(&made, RECEIVE_BUFFER)?;
    if six {
        sockopt::set_ipv6_v6only(&made, true)?;
        sockopt::set_ipv6_tclass(&made, u32::from(dscp) << 2)?;
    } else {
        sockopt::set_ip_tos(&made, dscp << 2)?;
    }
    bind(&made, &address)?;
    Ok(made)
}

/// One datagram: its octets and where it came from.
#[inline]
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Errno> {
    let (octets, _, source) = recvfrom(socket, buffer, RecvFlags::DONTWAIT)?;
    let source = source.ok_or(Errno::AFNOSUPPORT)?;
    Ok((octets, SocketAddr::try_from(source)?))
}

/// One datagram to `address`.
#[inline]
pub fn send(socket: &OwnedFd, packet: &[u8], address: &SocketAddr) -> Result<(), Errno> {
    sendto(socket, packet, SendFlags::DONTWAIT | SendFlags::NOSIGNAL, address).map(drop)
}
