//! STUN and DTLS on their way to somebody else and back (RFC 7983).

mod common;

use common::*;
use packet_engine::engine::{Datagram, Engine};
use packet_engine::leg::{Leg, Transform};
use packet_engine::reason::Reason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const STUN: [u8; 20] = [0; 20];
const DTLS: [u8; 20] = [22; 20];

fn readable(engine: &Engine) -> bool {
    let events = engine.events();
    poll(&mut [PollFd::new(&events, PollFlags::IN)], Some(&Timespec::default())).unwrap() == 1
}

#[test]
fn there_and_back() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    let asks = Leg { hand_over: true, transform: Transform::Closed, ..plain(&stream.ue) };
    stream.edit(&engine, asks, plain(&stream.far));
    assert!(!readable(&engine));
    stream.ue_sends(&STUN);
    until(|| readable(&engine).then_some(()));
    stream.ue.rtcp.send_to(&DTLS, next(stream.to_access)).unwrap();
    let counters = dealt_with(&engine, stream.access, 2);
    assert_eq!((counters.handed_over, counters.drops), (2, drops(&[])));
    let handed_over = engine.drain();
    let seen: Vec<_> =
        handed_over.iter().map(|one| (one.port, one.address, &one.data[..], one.rtcp)).collect();
    let rtcp_address = stream.ue.rtcp.local_addr().unwrap();
    let expected = [
        (stream.access, stream.ue.address(), &STUN[..], false),
        (stream.access, rtcp_address, &DTLS[..], true),
    ];
    assert_eq!(seen, expected);
    assert!(!readable(&engine));
    for datagram in &handed_over {
        engine.send(datagram);
    }
    let mut buffer = [0; 64];
    assert_eq!(stream.ue.rtp.recv_from(&mut buffer).unwrap(), (20, stream.to_access));
    assert_eq!(stream.ue.rtcp.recv_from(&mut buffer).unwrap(), (20, next(stream.to_access)));
    engine.send(&Datagram { port: 1 << 60, address: stream.ue.address(), data: vec![1], rtcp: false });
    engine.send(&Datagram { address: "[::1]:9".parse().unwrap(), ..handed_over[0].clone() });
    stream.far_sends(&STUN); // this side did not ask
    assert_eq!(dealt_with(&engine, stream.core, 1).drops, drops(&[(Reason::Stun, 1)]));
}

#[test]
fn all_of_a_leg() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    let under_dtls = Leg { transform: Transform::Closed, hand_over: true, ..plain(&stream.ue) };
    let handed = Leg { transform: Transform::Handed, ..plain(&stream.far) };
    stream.edit(&engine, under_dtls.clone(), handed.clone());
    for data in [&b"\x00\x01udptl"[..], b"", &rtp(1, b"")] {
        stream.far_sends(data);
        let found = until(|| Some(engine.drain()).filter(|found| !found.is_empty()));
        assert_eq!((found[0].port, &found[0].data[..]), (stream.core, data));
    }
    stream.edit(&engine, under_dtls, Leg { may_receive: false, ..handed });
    stream.far_sends(b"udptl");
    assert_eq!(dealt_with(&engine, stream.core, 4).drops, drops(&[(Reason::Gate, 1)]));
    assert!(silent(&stream.ue.rtp));
}

#[test]
fn from_where_media_might_come() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    let stranger = Peer::new(LOOPBACK);
    let asks = Leg { hand_over: true, ..plain(&stream.ue) };
    stream.edit(&engine, asks.clone(), plain(&stream.far));
    stranger.rtp.send_to(&DTLS, stream.to_access).unwrap();
    assert_eq!(dealt_with(&engine, stream.access, 1).drops, drops(&[(Reason::Source, 1)]));
    let source = Some("127.0.0.1".parse().unwrap());
    let latching = Leg { latching: true, source, ..asks };
    stream.edit(&engine, latching.clone(), plain(&stream.far));
    stream.ue_sends(&rtp(1, b""));
    stranger.rtp.send_to(&DTLS, stream.to_access).unwrap();
    let outside = Peer::new("127.0.0.9");
    outside.rtp.send_to(&DTLS, stream.to_access).unwrap();
    let counters = dealt_with(&engine, stream.access, 4);
    assert_eq!((counters.handed_over, counters.drops), (1, drops(&[(Reason::Source, 2)])));
    assert_eq!(engine.state(stream.access).unwrap().source, Some(stream.ue.address()));
    let protected = Leg { transform: Transform::Srtp, ..latching };
    stream.edit(&engine, protected, plain(&stream.far));
    outside.rtp.send_to(&DTLS, stream.to_access).unwrap();
    assert_eq!(dealt_with(&engine, stream.access, 5).handed_over, 2);
}

#[test]
fn no_more_than_somebody_takes() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    stream.edit(&engine, Leg { hand_over: true, ..plain(&stream.ue) }, plain(&stream.far));
    for count in 1..=1024 {
        stream.ue_sends(&STUN);
        dealt_with(&engine, stream.access, count);
    }
    stream.ue_sends(&DTLS);
    stream.ue_sends(&STUN);
    let counters = dealt_with(&engine, stream.access, 1026);
    assert_eq!(counters.handed_over, 1024);
    assert_eq!(counters.drops, drops(&[(Reason::Dtls, 1), (Reason::Stun, 1)]));
    assert_eq!(engine.drain().len(), 1024);
    stream.ue_sends(&DTLS);
    until(|| readable(&engine).then_some(()));
    assert_eq!(engine.drain()[0].data, DTLS);
}
