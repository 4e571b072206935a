//! The packet engine: sockets of media streams, SRTP, demultiplexing, latching and counting, on threads of
//! its own. What it does is the contract of `agw/engine/api.py`; nothing here knows of Python.
#![forbid(unsafe_code)]

pub mod engine;
pub mod leg;
pub mod reason;
pub mod srtp;
