//! The program: parse the arguments, run the command, turn a failure into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    keyrite::cli::main()
}
