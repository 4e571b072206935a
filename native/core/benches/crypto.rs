//! Time of a packet in each suite, and memory of the two directions of a leg: `cargo bench --bench crypto`.

#[path = "../tests/heap/mod.rs"]
mod heap;

use std::hint::black_box;
use std::time::{Duration, Instant};

use packet_engine::srtp::{Crypto, MAX_TRAILER, Receiver, Sender, Suite};

/// Octets of an RTP packet with 20 ms of G.711.
const PACKET: usize = 172;
/// Packets between two readings of the clock.
const BATCH: usize = 50;
/// Few in a round, so that other processes spoil few of the rounds.
const PACKETS: usize = 2_000;
const ROUNDS: usize = 201;
const WINDOW: usize = 128;

type Buffer = [u8; PACKET + MAX_TRAILER];

/// One leg's directions, as the engine has them: what the sender protects is what the receiver gets.
struct Leg {
    sender: Sender,
    receiver: Receiver,
    sequence: u16,
}

impl Leg {
    fn new(suite: Suite, number: usize) -> Leg {
        let mut key = vec![0x5A; suite.key() + suite.salt()];
        key[..8].copy_from_slice(&number.to_be_bytes());
        let crypto = Crypto::new(suite, &key, 0).unwrap();
        Leg {
            sender: Sender::new(&crypto, WINDOW, 64),
            receiver: Receiver::new(&crypto, WINDOW, 64),
            sequence: 0,
        }
    }

    fn protect(&mut self, buffer: &mut Buffer) -> usize {
        self.sequence = self.sequence.wrapping_add(1);
        buffer[0] = 0x80;
        buffer[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        self.sender.protect(buffer, PACKET, false).unwrap()
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_nanos() as f64 / PACKETS as f64
}

/// Nanoseconds of `protect` and of `unprotect`.
fn measure(suite: Suite, legs: usize) -> (f64, f64) {
    let mut legs: Vec<Leg> = (0..legs).map(|number| Leg::new(suite, number)).collect();
    let mut buffers = [[0; PACKET + MAX_TRAILER]; BATCH];
    let (mut protects, mut unprotects) = (Vec::new(), Vec::new());
    let mut turn = 0;
    for _ in 0..ROUNDS {
        let (mut protect, mut unprotect) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..PACKETS / BATCH {
            let mut octets = 0;
            let start = Instant::now();
            for (number, buffer) in buffers.iter_mut().enumerate() {
                let place = (turn + number) % legs.len();
                octets = legs[place].protect(buffer);
            }
            protect += start.elapsed();
            let start = Instant::now();
            for (number, buffer) in buffers.iter_mut().enumerate() {
                let place = (turn + number) % legs.len();
                black_box(legs[place].receiver.unprotect(&mut buffer[..octets], false, 0.0)).unwrap();
            }
            unprotect += start.elapsed();
            turn += BATCH;
        }
        protects.push(protect);
        unprotects.push(unprotect);
    }
    (median(protects), median(unprotects))
}

/// Octets of both directions of a leg that has met one SSRC: inline, on the heap.
fn memory(suite: Suite) -> (usize, usize) {
    let before = heap::held();
    let mut leg = Leg::new(suite, 0);
    let mut buffer = [0; PACKET + MAX_TRAILER];
    for rtcp in [false, true] {
        buffer[..4].copy_from_slice(&[0x80, 200, 0, 1]);
        let octets = leg.sender.protect(&mut buffer, PACKET, rtcp).unwrap();
        leg.receiver.unprotect(&mut buffer[..octets], rtcp, 0.0).unwrap();
    }
    (size_of::<Sender>() + size_of::<Receiver>(), heap::held() - before)
}

fn main() {
    println!("ns for a packet of {PACKET} octets, median of {ROUNDS} rounds of {PACKETS} packets");
    println!("octets of a sender and a receiver with one SSRC: inline + heap");
    println!("{:<24} {:>16} {:>20} {:>14}", "suite", "one leg", "1000 legs in turn", "memory");
    for suite in Suite::ALL {
        let (inline, heap) = memory(suite);
        let (one, many) = (measure(suite, 1), measure(suite, 1000));
        let name = suite.name();
        println!(
            "{name:<24} {:>7.0} {:>8.0} {:>11.0} {:>8.0} {inline:>6} + {heap}",
            one.0, one.1, many.0, many.1
        );
    }
}
