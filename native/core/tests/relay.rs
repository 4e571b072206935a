//! Streams without protection: both ways, latches, gates, mux, what is not media.

mod common;

use common::*;
use packet_engine::engine::Engine;
use packet_engine::leg::{Leg, Transform};
use packet_engine::reason::Reason;

#[test]
fn both_ways_and_from_the_ports_own_numbers() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    for payload in [&b""[..], b"x", &[7; 1460]] {
        stream.ue_sends(&rtp(1, payload));
        assert_eq!(received(&stream.far.rtp), rtp(1, payload));
        stream.far_sends(&rtp(2, payload));
        assert_eq!(received(&stream.ue.rtp), rtp(2, payload));
    }
    stream.ue.rtcp.send_to(&rtcp(), next(stream.to_access)).unwrap();
    let mut buffer = [0; 64];
    let (octets, source) = stream.far.rtcp.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..octets], source), (&rtcp()[..], next(stream.to_core)));
    let counters = engine.close(stream.access).unwrap();
    assert_eq!((counters.packets, counters.octets, counters.rtcp), (3, 36 + 1461, 1));
    assert_eq!(counters.drops, drops(&[]));
}

#[test]
fn the_first_source_is_latched_and_moves_once_when_told() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    let leg = || Leg { latching: true, remote: None, rtcp_remote: None, ..plain(&stream.ue) };
    stream.edit(&engine, leg(), plain(&stream.far));
    stream.ue_sends(&rtp(1, b""));
    received(&stream.far.rtp);
    assert_eq!(engine.state(stream.access).unwrap().source, Some(stream.ue.address()));
    let moved = Peer::new(LOOPBACK);
    moved.rtp.send_to(&rtp(2, b""), stream.to_access).unwrap();
    assert_eq!(dealt_with(&engine, stream.access, 2).drops, drops(&[(Reason::Source, 1)]));
    engine.relatch(stream.access).unwrap();
    engine.edit(stream.access, leg()).unwrap();
    engine.commit();
    moved.rtp.send_to(&rtp(3, b""), stream.to_access).unwrap();
    assert_eq!(received(&stream.far.rtp), rtp(3, b""));
    stream.ue_sends(&rtp(4, b""));
    assert_eq!(dealt_with(&engine, stream.access, 4).drops, drops(&[(Reason::Source, 2)]));
    stream.far_sends(&rtp(5, b""));
    assert_eq!(received(&moved.rtp), rtp(5, b""));
    assert_eq!(engine.state(stream.access).unwrap().rtcp_source, None);
}

#[test]
fn a_latch_stays_within_the_source_filter() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    let source = Some("127.9.0.0/16".parse().unwrap());
    let leg = Leg { latching: true, source, ..plain(&stream.ue) };
    stream.edit(&engine, leg, plain(&stream.far));
    stream.ue_sends(&rtp(1, b""));
    assert_eq!(dealt_with(&engine, stream.access, 1).drops, drops(&[(Reason::Source, 1)]));
    stream.far_sends(&rtp(1, b""));
    assert_eq!(dealt_with(&engine, stream.core, 1).drops, drops(&[(Reason::NoRemote, 1)]));
    let inside = Peer::new("127.9.3.4");
    inside.rtp.send_to(&rtp(2, b""), stream.to_access).unwrap();
    assert_eq!(received(&stream.far.rtp), rtp(2, b""));
}

#[test]
fn gates() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    for (number, (may_send, may_receive)) in
        [(true, false), (false, true), (false, false)].into_iter().enumerate()
    {
        let leg = Leg { may_send, may_receive, ..plain(&stream.ue) };
        stream.edit(&engine, leg, plain(&stream.far));
        stream.ue_sends(&rtp(1, b""));
        stream.ue.rtcp.send_to(&rtcp(), next(stream.to_access)).unwrap();
        stream.far_sends(&rtp(2, b""));
        dealt_with(&engine, stream.access, 2 * number as u64 + 2);
        dealt_with(&engine, stream.core, number as u64 + 1);
        assert_eq!(silent(&stream.far.rtp), !may_receive);
        assert_eq!(silent(&stream.ue.rtp), !may_send);
        assert_eq!(silent(&stream.far.rtcp), !may_send && !may_receive);
    }
    let counters = engine.state(stream.access).unwrap().counters;
    assert_eq!(counters.drops, drops(&[(Reason::Gate, 3)]));
}

#[test]
fn rtcp_shares_the_port_on_one_side() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    stream.edit(&engine, plain(&stream.ue), Leg { rtcp_mux: true, ..plain(&stream.far) });
    stream.ue.rtcp.send_to(&rtcp(), next(stream.to_access)).unwrap();
    assert_eq!(received(&stream.far.rtp), rtcp());
    stream.far_sends(&rtcp());
    assert_eq!(received(&stream.ue.rtcp), rtcp());
    let looks_like_rtcp = [&[0x80, 200][..], &rtp(1, b"")[2..]].concat();
    stream.ue_sends(&looks_like_rtcp);
    assert_eq!(received(&stream.far.rtp), looks_like_rtcp);
}

#[test]
fn what_is_not_media() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    let stun = [&[0, 1, 0, 0][..], &[0; 16]].concat();
    let all = [
        (vec![], Reason::Short),
        (vec![0x80; 7], Reason::Short),
        (rtp(1, b"")[..11].to_vec(), Reason::Short),
        (stun, Reason::Stun),
        (vec![22; 30], Reason::Dtls),
        (vec![0x40; 30], Reason::NotMedia),
        (vec![0xc0; 30], Reason::NotMedia),
        (rtp(1, &[0; 2037]), Reason::TooLarge),
    ];
    let mut expected = drops(&[]);
    for (number, (packet, reason)) in all.iter().enumerate() {
        stream.ue_sends(packet);
        expected[*reason as usize] += 1;
        assert_eq!(dealt_with(&engine, stream.access, number as u64 + 1).drops, expected);
    }
    stream.ue.rtcp.send_to(&rtp(1, b""), next(stream.to_access)).unwrap();
    expected[Reason::NotMedia as usize] += 1;
    assert_eq!(dealt_with(&engine, stream.access, all.len() as u64 + 1).drops, expected);
    assert!(silent(&stream.far.rtp));
    assert!(engine.drain().is_empty());
    assert_eq!(engine.state(stream.access).unwrap().last_activity, None);
}

#[test]
fn datagrams_pass_unread() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    let any = |peer| Leg { transform: Transform::Datagram, hand_over: true, ..plain(peer) };
    stream.edit(&engine, any(&stream.ue), any(&stream.far));
    for data in [&b"\x00\x01udptl"[..], b"\x16\xfe\xfdDTLS", b"", &rtp(1, b"")] {
        stream.ue_sends(data);
        assert_eq!(received(&stream.far.rtp), data);
    }
    assert!(engine.drain().is_empty());
}

#[test]
fn what_the_way_out_refuses() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    let far = Leg { remote: Some("255.255.255.255:9".parse().unwrap()), ..plain(&stream.far) };
    stream.edit(&engine, plain(&stream.ue), far);
    stream.ue_sends(&rtp(1, b""));
    assert_eq!(dealt_with(&engine, stream.access, 1).drops, drops(&[(Reason::Socket, 1)]));
}

#[test]
fn ipv6_to_ipv4() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (access, to_access) = open(&engine, "::1");
    let (core, to_core) = open(&engine, GATEWAY);
    let (ue, far) = (Peer::new("::1"), Peer::new(LOOPBACK));
    engine.edit(access, plain(&ue)).unwrap();
    engine.join(access, core).unwrap();
    engine.edit(core, plain(&far)).unwrap();
    engine.commit();
    ue.rtp.send_to(&rtp(1, b""), to_access).unwrap();
    assert_eq!(received(&far.rtp), rtp(1, b""));
    far.rtp.send_to(&rtp(2, b""), to_core).unwrap();
    assert_eq!(received(&ue.rtp), rtp(2, b""));
}

#[test]
fn unjoined_closed_and_unjoined_again() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::plain(&engine);
    let (alone, to_alone) = open(&engine, GATEWAY);
    stream.ue.rtp.send_to(&rtp(1, b""), to_alone).unwrap();
    dealt_with(&engine, alone, 1);
    engine.edit(alone, Leg { transform: Transform::Closed, ..plain(&stream.ue) }).unwrap();
    engine.commit();
    stream.ue.rtp.send_to(&rtp(1, b""), to_alone).unwrap();
    dealt_with(&engine, alone, 2);
    engine.edit(alone, plain(&stream.ue)).unwrap();
    engine.commit();
    stream.ue.rtp.send_to(&rtp(1, b""), to_alone).unwrap();
    let all = [(Reason::Source, 1), (Reason::NoKey, 1), (Reason::Unjoined, 1)];
    assert_eq!(dealt_with(&engine, alone, 3).drops, drops(&all));
    engine.close(stream.core).unwrap();
    stream.ue_sends(&rtp(1, b""));
    assert_eq!(dealt_with(&engine, stream.access, 1).drops, drops(&[(Reason::Unjoined, 1)]));
}
