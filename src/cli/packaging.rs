//! `keyrite completions` and `keyrite man`, for packagers.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  keyrite completions bash > /usr/share/bash-completion/completions/keyrite

With --json: {shell, script}."
)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  keyrite man target/man\n\nExit codes:\n  0  written\n  2  the directory cannot be written"
)]
pub struct Man {
    /// The directory to write the pages to; it is made when it does not exist
    dir: PathBuf,
}

/// Prints the completions.
pub fn completions(args: &Completions, out: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyrite", &mut script);
    if out.json {
        let script = String::from_utf8_lossy(&script);
        return out.document(&serde_json::json!({"shell": args.shell.to_string(), "script": script}));
    }
    out.bytes(&script);
    Ok(())
}

/// Writes the manual pages.
pub fn man(args: &Man, out: &mut Output) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Exit::Input,
            format!("{}: {error}", args.dir.display()),
            "name a directory that can be written",
        )
    };
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(failed)?;
    out.line(format!("manual pages written to {}", args.dir.display()));
    out.document(&serde_json::json!({"done": true, "directory": args.dir.display().to_string()}))
}
