//! The control side beside streams that flow: workers, edits, ports that come and go, breakdowns, the end.

mod common;

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::*;
use packet_engine::engine::{Engine, EngineError, Settings};
use packet_engine::leg::Leg;
use packet_engine::reason::Reason;

/// Are both sockets of a port closed?
fn free(address: std::net::SocketAddr) -> bool {
    UdpSocket::bind(address).is_ok() && UdpSocket::bind(next(address)).is_ok()
}

#[test]
fn a_port_moves_to_the_worker_of_the_other_side() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (one, other) = (Stream::plain(&engine), Stream::plain(&engine)); // a worker each
    engine.join(one.access, other.core).unwrap();
    engine.commit();
    one.ue_sends(&rtp(1, b""));
    assert_eq!(received(&other.far.rtp), rtp(1, b""));
    other.far_sends(&rtp(2, b""));
    assert_eq!(received(&one.ue.rtp), rtp(2, b""));
    one.far_sends(&rtp(3, b""));
    assert_eq!(dealt_with(&engine, one.core, 1).drops, drops(&[(Reason::Unjoined, 1)]));
    assert_eq!(engine.close(other.core).unwrap().packets, 1);
    assert!(free(other.to_core));
    engine.join(other.access, one.core).unwrap();
    engine.join(one.access, one.core).unwrap(); // the last word counts
    engine.commit();
    one.ue_sends(&rtp(4, b""));
    assert_eq!(received(&one.far.rtp), rtp(4, b""));
}

#[test]
fn moving_loses_nothing() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (one, other) = (Stream::plain(&engine), Stream::plain(&engine));
    for round in 0..100 {
        let (near, away) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        for sequence in 0..10 {
            away.far_sends(&rtp(sequence, b""));
        }
        engine.join(near.access, away.core).unwrap();
        engine.commit();
        away.far_sends(&rtp(10, b""));
        while received(&near.ue.rtp) != rtp(10, b"") {}
        engine.join(near.access, near.core).unwrap();
        engine.join(away.access, away.core).unwrap();
        engine.commit();
        while !silent(&away.ue.rtp) {}
    }
    let all = [&one, &other].map(|stream| engine.close(stream.core).unwrap());
    assert_eq!(counted(&all[0]) + counted(&all[1]), 100 * 11);
}

#[test]
fn nothing_is_in_force_before_commit() {
    let engine = Engine::start(SETTINGS).unwrap();
    let stream = Stream::new(&engine);
    engine.edit(stream.access, plain(&stream.ue)).unwrap();
    engine.edit(stream.core, plain(&stream.far)).unwrap();
    let port = |port| engine.state(port).unwrap(); // commits
    port(stream.access);
    stream.ue_sends(&rtp(2, b""));
    assert_eq!(received(&stream.far.rtp), rtp(2, b""));
    engine.edit(stream.access, Leg::default()).unwrap();
    stream.ue_sends(&rtp(3, b""));
    assert_eq!(received(&stream.far.rtp), rtp(3, b""));
    assert_eq!(engine.close(stream.core).unwrap().packets, 0);
    stream.ue_sends(&rtp(4, b""));
    until(|| (port(stream.access).counters.drops[Reason::Source as usize] > 0).then_some(()));
}

#[test]
fn ports_that_are_not_open() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (port, address) = open(&engine, GATEWAY);
    assert!(engine.open(address.ip(), address.port(), 0).is_err());
    assert!(engine.open(address.ip(), address.port() + 1, 0).is_err());
    assert!(engine.open(address.ip(), u16::MAX, 0).is_err());
    engine.edit(port, Leg::default()).unwrap();
    engine.close(port).unwrap();
    assert_eq!(engine.close(port).unwrap_err(), EngineError::NoPort);
    assert_eq!(engine.edit(port, Leg::default()), Err(EngineError::NoPort));
    assert_eq!(engine.join(port, port), Err(EngineError::NoPort));
    assert_eq!(engine.relatch(port), Err(EngineError::NoPort));
    assert_eq!(engine.state(port).unwrap_err(), EngineError::NoPort);
    assert_eq!(engine.rollovers(port), Err(EngineError::NoPort));
    assert_ne!(engine.open(address.ip(), address.port(), 0).unwrap(), port);
}

/// Sends for as long as it is asked to, and takes whatever comes.
fn flood(stop: &AtomicBool, stream: &Stream) -> u64 {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        stream.ue_sends(&rtp(sent as u16, &[0; 160]));
        sent += 1;
    }
    sent
}

#[test]
fn ports_come_and_go_under_load() {
    let engine = Engine::start(Settings { workers: 1, ..SETTINGS }).unwrap();
    let (stop, streams) = (AtomicBool::new(false), [Stream::plain(&engine), Stream::plain(&engine)]);
    thread::scope(|scope| {
        let floods = streams.each_ref().map(|stream| scope.spawn(|| flood(&stop, stream)));
        let (mut port, address) = open(&engine, "127.0.0.3");
        for _ in 0..300 {
            // The heir has the slot and the number of its predecessor, and packets are on their way.
            for sequence in 0..4 {
                streams[0].far.rtp.send_to(&rtp(sequence, b""), address).unwrap();
            }
            let counters = engine.close(port).unwrap();
            assert_eq!(counters.drops[Reason::Source as usize], counted(&counters));
            port = engine.open(address.ip(), address.port(), 0).unwrap();
            engine.edit(port, plain(&streams[0].ue)).unwrap();
            engine.edit(port, Leg::default()).unwrap();
            engine.commit();
        }
        stop.store(true, Ordering::Relaxed);
        let sent = floods.map(|flood| flood.join().unwrap());
        for (stream, sent) in streams.iter().zip(sent) {
            let counters = engine.close(stream.access).unwrap();
            assert!(counted(&counters) <= sent);
            assert_eq!(counters.packets, counted(&counters));
        }
    });
}

#[test]
fn a_stream_flows_while_two_thousand_ports_open_and_close() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (stop, stream) = (AtomicBool::new(false), Stream::plain(&engine));
    thread::scope(|scope| {
        let flowing = scope.spawn(|| {
            let mut passed = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let packet = rtp(passed as u16, &[0; 160]);
                stream.ue_sends(&packet);
                assert_eq!(received(&stream.far.rtp), packet);
                passed += 1;
            }
            passed
        });
        for _ in 0..10 {
            let ports: Vec<_> = (0..200).map(|_| open(&engine, "127.0.0.4").0).collect();
            for pair in ports.chunks(2) {
                engine.join(pair[0], pair[1]).unwrap();
                engine.commit();
            }
            for port in ports {
                engine.close(port).unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        let passed = flowing.join().unwrap();
        assert_eq!(engine.state(stream.access).unwrap().counters.packets, passed);
    });
}

#[test]
fn a_breakdown_costs_one_stream() {
    let engine = Engine::start(Settings { workers: 1, ..SETTINGS }).unwrap();
    let (broken, other) = (Stream::plain(&engine), Stream::plain(&engine));
    engine.break_at_next_packet(broken.core).unwrap();
    broken.far_sends(&rtp(1, b""));
    let failures = until(|| Some(engine.failures()).filter(|failures| !failures.is_empty()));
    assert_eq!((failures.len(), failures[0].port), (1, broken.core));
    assert_eq!(failures[0].text, "a test broke this port");
    broken.ue_sends(&rtp(2, b""));
    for sequence in 0..10 {
        other.ue_sends(&rtp(sequence, b""));
        assert_eq!(received(&other.far.rtp), rtp(sequence, b""));
    }
    assert!(silent(&broken.far.rtp) && silent(&broken.ue.rtp));
    assert_eq!(counted(&engine.close(broken.access).unwrap()), 0);
    engine.close(broken.core).unwrap();
    assert!(free(broken.to_access) && free(broken.to_core));
    assert!(engine.failures().is_empty());
}

#[test]
fn the_end() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (stop, stream) = (AtomicBool::new(false), Stream::plain(&engine));
    thread::scope(|scope| {
        let flood = scope.spawn(|| flood(&stop, &stream));
        received(&stream.far.rtp);
        engine.stop();
        stop.store(true, Ordering::Relaxed);
        flood.join().unwrap();
    });
    assert!(free(stream.to_access) && free(stream.to_core));
    engine.stop();
    engine.commit();
    assert_eq!(engine.state(stream.access).unwrap_err(), EngineError::NoPort);
    assert!(engine.open(stream.to_access.ip(), stream.to_access.port(), 0).is_err());
    assert!(engine.drain().is_empty() && engine.failures().is_empty());
}
