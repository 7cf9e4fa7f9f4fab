//! The client workflow from outside: against a server on the loopback address, and against an earlier state.

mod before;
mod desk;
mod example;
mod python_tuf;
mod recovery;
mod refresh;
mod rollback;
mod schemes;
mod server;
mod walk;
