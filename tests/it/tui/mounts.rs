//! Drives and disks that only the programs of one test see: a mount namespace of its own.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use crate::common::keyrite::text;
use crate::tui::pseudo::Pseudo;

/// The namespace lives as long as this process, which waits for nothing else.
pub(super) struct Mounts {
    holder: Child,
}

impl Mounts {
    /// With nothing mounted below `/mnt`; only root makes one.
    pub(super) fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("LEFT OUT: only root mounts drives");
            return None;
        }
        let script = "mount -t tmpfs -o mode=755 tmpfs /mnt && echo there && exec cat";
        let mut holder = Command::new("unshare");
        holder.args(["--mount", "sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "there\n", "no mount namespace");
        Some(Self { holder })
    }

    /// How a command of this namespace begins.
    fn enter(&self) -> [String; 3] {
        ["--target".to_owned(), self.holder.id().to_string(), "--mount".to_owned()]
    }

    fn run(&self, command: &[&str]) {
        let done = Command::new("nsenter").args(self.enter()).args(command).status().unwrap();
        assert!(done.success(), "{command:?}");
    }

    /// The program in a terminal of its own, with what is mounted here.
    pub(super) fn start(&self, dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Pseudo {
        let (enter, there) = (self.enter(), format!("--chdir={}", text(dir)));
        let begins = [enter[0].as_str(), &enter[1], &enter[2], "env", &there, env!("CARGO_BIN_EXE_keyrite")];
        Pseudo::start_program("/usr/bin/nsenter", dir, &[&begins[..], args].concat(), env)
    }

    /// What programs here see at this path.
    pub(super) fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    /// A drive is plugged in, and mounted by its label: what was written to it lies in `drive`.
    pub(super) fn plug_in(&self, label: &str, drive: &Path) {
        fs::create_dir_all(drive).unwrap();
        let at = format!("/mnt/{label}");
        self.run(&["mkdir", "-p", &at]);
        self.run(&["mount", "--bind", text(drive), &at]);
    }

    /// It is unmounted, and pulled out.
    pub(super) fn pull_out(&self, label: &str) {
        self.run(&["umount", &format!("/mnt/{label}")]);
    }

    /// A disk of this size, mounted over a directory.
    pub(super) fn disk(&self, at: &Path, size: &str) {
        self.run(&["mount", "-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", text(at)]);
    }

    /// A directory that nobody can write to from now on.
    pub(super) fn read_only(&self, at: &Path) {
        self.run(&["mount", "--bind", text(at), text(at)]);
        self.run(&["mount", "-o", "remount,bind,ro", text(at)]);
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // It has gone already, or goes now.
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
