//! A panic costs the stream over which it happened, and nobody else.

use std::thread;

use super::*;
use crate::engine::Failure;
use crate::worker::Worker;

fn failures(stage: &Stage) -> Vec<u64> {
    stage.queue.failures().into_iter().map(|Failure { port, .. }| port).collect()
}

#[test]
fn a_packet_that_breaks_its_stream() {
    let mut stage = Stage::new();
    let ((access, core), (other, far)) = (stage.stream(), stage.stream());
    stage.world.port(core.slot).unwrap().breaks = true;
    core.sends(&rtp(1));
    stage.serve(&core, false, 0.0);
    assert!(readable(&stage.queue));
    let failures = stage.queue.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(
        (failures[0].port, &failures[0].text[..]),
        (u64::from(core.slot) + 1, "a test broke this port")
    );
    assert!(!readable(&stage.queue));
    access.sends(&rtp(2));
    stage.serve(&access, false, 0.0);
    assert!(core.received().is_empty());
    other.sends(&rtp(3));
    stage.serve(&other, false, 0.0);
    assert_eq!(far.received(), [rtp(3)]);
}

#[test]
fn what_broke_stays_out_of_service() {
    let mut stage = Stage::new();
    let ((access, core), heir) = (stage.stream(), stage.open());
    stage.world.fail(access.slot, "over");
    stage.world.fail(core.slot, "over, but reported");
    assert_eq!(failures(&stage), [1]);
    stage.world.remove(core.slot).unwrap();
    stage.world.join(access.slot, heir.slot);
    stage.world.apply(access.slot, &access.plain(), 0.0);
    heir.sends(&rtp(1));
    stage.serve(&heir, false, 0.0);
    assert!(access.received().is_empty());
    assert!(stage.world.remove(access.slot).is_some());
}

#[test]
fn a_round_that_breaks_everything() {
    let mut stage = Stage::new();
    let streams = [stage.stream(), stage.stream()];
    stage.world.remove(1).unwrap();
    stage.world.fail_all("over");
    assert_eq!(failures(&stage), [1, 3]); // each stream is named once
    for (access, _) in &streams {
        access.sends(&rtp(1));
        stage.serve(access, false, 0.0);
        assert_eq!(stage.counters(access).packets, 0);
    }
}

#[test]
fn the_loop_breaks_and_goes_on() {
    let mut stage = Stage::new();
    let (access, _) = stage.stream();
    let mut worker = Worker::start(LIMITS, stage.queue.clone()).unwrap();
    let slot = worker.take_slot();
    let port = stage.world.remove(access.slot).unwrap();
    worker.watch(slot, &port).unwrap();
    worker.insert(slot, port);
    worker.with(|world| world.breaks = true);
    access.sends(&rtp(1));
    while !readable(&stage.queue) {
        thread::yield_now();
    }
    let failures = stage.queue.failures();
    assert_eq!((failures[0].port, &failures[0].text[..]), (1, "a test broke this round"));
    let later = stage.open();
    let slot = worker.take_slot();
    let port = stage.world.remove(later.slot).unwrap();
    worker.watch(slot, &port).unwrap();
    worker.insert(slot, port);
    later.sends(&rtp(2));
    while worker.with(|world| world.port(slot).unwrap().last_activity.is_none()) {
        thread::yield_now();
    }
    assert!(stage.queue.failures().is_empty());
}
