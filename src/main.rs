//! The program: which front end draws, and the exit code.

use std::process::ExitCode;

use keyrite::cli;
use keyrite::cli::Front;
use keyrite::tui;

fn main() -> ExitCode {
    cli::main(&Front { ceremony: tui::ceremony, home: tui::home })
}
