//! The client workflow from outside: against a server on the loopback address, and against an earlier state.

mod schemes;
