//! When a worker rests, by rates of packets.

use crate::pace::{Pace, REST};
use crate::world::BATCH;

/// Serve packets that come every `gap` microseconds, for a second: rounds, and those with a rest after.
fn a_second_of(gap: u64) -> (u64, u64) {
    let mut pace = Pace::default();
    let (mut now, mut served, mut rounds, mut rests) = (0, 0, 0, 0);
    while now < 1_000_000 {
        let waiting = now / gap + 1 - served;
        served += waiting;
        rounds += 1;
        if pace.rests(10.0 + now as f64 * 1e-6, waiting as usize) {
            rests += 1;
            now += REST.as_micros() as u64;
        }
        now = now.max(served * gap);
    }
    (rounds, rests)
}

#[test]
fn a_few_streams_wait_for_nobody() {
    for gap in [20_000, 1_000, 510] {
        assert_eq!(a_second_of(gap), (999_999 / gap + 1, 0), "{gap}");
    }
}

#[test]
fn many_streams_share_a_wake_up() {
    for gap in [400, 100, 10] {
        let (rounds, rests) = a_second_of(gap);
        assert!(rounds <= 1_001, "{gap}: {rounds}");
        assert!(rests + 1 >= rounds, "{gap}: {rests}");
    }
}

#[test]
fn nothing_rests_while_sockets_wait() {
    let mut pace = Pace::default();
    assert!(!(1..100).any(|round| pace.rests(f64::from(round) * 1e-4, BATCH)));
}

#[test]
fn a_burst_ends_the_rest_with_it() {
    let mut pace = Pace::default();
    pace.rests(1.0, 1);
    assert!(pace.rests(1.0001, 1));
    assert!(pace.rests(1.0012, 5));
    assert!(!pace.rests(1.0023, 1));
    assert!(!pace.rests(1.0043, 1));
}
