//! The packet engine: sockets of media streams, SRTP, demultiplexing, latching and counting, on threads of
//! its own. What it does is the contract of `agw/engine/api.py`; nothing here knows of Python.
#![forbid(unsafe_code)]

mod address;
mod control;
mod demux;
pub mod engine;
pub mod leg;
mod pace;
mod port;
mod queue;
pub mod reason;
mod relay;
mod slots;
mod socket;
pub mod srtp;
mod sync;
#[cfg(test)]
mod tests;
mod worker;
mod world;
