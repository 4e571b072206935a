//! What waited in the sockets while the process stood still.

use super::*;
use crate::reason::Reason;
use crate::world::BATCH;

fn stale(stage: &mut Stage, side: &Side) -> u64 {
    stage.counters(side).drops[Reason::Stale as usize]
}

#[test]
fn only_the_newest_of_a_backlog_goes_on() {
    let mut stage = Stage::new();
    let (access, core) = stage.stream();
    stage.world.begin(100.0, false);
    stage.world.end(0);
    for sequence in 0..5 {
        access.sends(&rtp(sequence));
    }
    core.sends(&rtp(9));
    stage.world.begin(110.0, true);
    stage.serve(&access, false, 110.0);
    stage.serve(&core, false, 110.0);
    stage.world.end(2);
    assert_eq!(core.received(), [rtp(4)]);
    assert_eq!(access.received(), [rtp(9)]);
    assert_eq!((stale(&mut stage, &access), stale(&mut stage, &core)), (4, 0));
}

#[test]
fn the_newest_is_judged_like_any_other() {
    let mut stage = Stage::new();
    let (access, core) = stage.stream();
    access.sends(&rtp(1));
    bound().send_to(&rtp(2), access.rtp).unwrap();
    stage.world.begin(100.0, true);
    stage.serve(&access, false, 100.0);
    let drops = stage.counters(&access).drops;
    assert_eq!((drops[Reason::Stale as usize], drops[Reason::Source as usize]), (1, 1));
    assert!(core.received().is_empty());
}

#[test]
fn each_socket_is_asked_once() {
    let mut stage = Stage::new();
    let (access, core) = stage.stream();
    stage.world.begin(100.0, true);
    for round in 0..3 {
        access.sends(&rtp(round));
        access.sends(&rtp(round + 100));
        stage.serve(&access, false, 100.0);
        stage.serve(&access, false, 100.0);
        stage.world.end(BATCH);
        stage.world.begin(100.1, true);
    }
    assert_eq!(stale(&mut stage, &access), 1);
    assert_eq!(core.received().len(), 5);
}

#[test]
fn a_socket_without_a_backlog_loses_nothing() {
    let mut stage = Stage::new();
    let (access, core) = stage.stream();
    stage.world.begin(100.0, true);
    stage.world.end(BATCH - 1); // whatever was ready has been served
    stage.world.begin(100.5, true);
    for sequence in 0..3 {
        access.sends(&rtp(sequence));
    }
    for _ in 0..3 {
        stage.serve(&access, false, 100.5);
    }
    assert_eq!(core.received().len(), 3);
    assert_eq!(stale(&mut stage, &access), 0);
}

#[test]
fn waiting_is_not_standing_still() {
    let mut stage = Stage::new();
    let (access, core) = stage.stream();
    let mut now = 100.0;
    for (passed, timed) in [(1000.0, false), (0.5, true), (1.0, true), (1000.0, false)] {
        stage.world.begin(now, false);
        stage.world.end(0);
        access.sends(&rtp(1));
        access.sends(&rtp(2));
        now += passed;
        stage.world.begin(now, timed);
        stage.serve(&access, false, now);
        stage.serve(&access, false, now);
        stage.world.end(2);
        assert_eq!(core.received().len(), 2, "after {passed} s");
    }
    assert_eq!(stale(&mut stage, &access), 0);
}

#[test]
fn a_saturated_worker_ends_its_recovery_too() {
    let mut stage = Stage::new();
    for _ in 0..BATCH {
        stage.open();
    }
    stage.world.begin(100.0, true);
    let mut rounds = 0;
    while stage.world.rounds_to_recover > 0 {
        rounds += 1;
        stage.world.end(BATCH);
    }
    assert_eq!(rounds, 3); // 256 sockets, and those that were ready when the first wait ended
}
