//! A repository on the loopback address, and the example client that visits it.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use crate::common::keyrite::example;

/// Whole answers by path, such as `/metadata/timestamp.json`; what is not there is 404.
type Answers = BTreeMap<String, Vec<u8>>;

/// Serves until the test ends.
pub(crate) struct Server {
    port: u16,
    shared: Arc<Mutex<(Answers, Vec<String>)>>,
}

impl Server {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared: Arc<Mutex<(Answers, Vec<String>)>> = Arc::default();
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let (answers, asked) = &mut *theirs.lock().unwrap();
                let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone".to_vec();
                let answer = answers.get(&path).cloned().unwrap_or(missing);
                asked.push(path);
                // A client that has seen enough hangs up.
                let _ = stream.write_all(&answer);
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self, folder: &str) -> String {
        format!("http://127.0.0.1:{}/{folder}/", self.port)
    }

    /// Answers 200 with these bytes.
    pub(crate) fn serve(&self, path: &str, bytes: &[u8]) {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
        self.answer(path, &[head.as_bytes(), bytes].concat());
    }

    /// Answers exactly this.
    pub(crate) fn answer(&self, path: &str, whole: &[u8]) {
        self.shared.lock().unwrap().0.insert(path.to_owned(), whole.to_vec());
    }

    /// Serves the files of a set below `/metadata/`.
    pub(crate) fn publish(&self, set: &crate::tuf::world::Set) {
        for (name, bytes) in &set.0 {
            self.serve(&format!("/metadata/{name}"), bytes);
        }
    }

    /// What was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().1)
    }
}

/// The example, with its two directories.
pub(crate) struct Example {
    pub(crate) home: tempfile::TempDir,
}

impl Example {
    /// A client that trusts this root.
    pub(crate) fn new(root: &[u8]) -> Self {
        let example = Self { home: tempfile::tempdir().unwrap() };
        for folder in ["state", "downloads"] {
            std::fs::create_dir(example.home.path().join(folder)).unwrap();
        }
        let file = example.home.path().join("initial-root.json");
        std::fs::write(&file, root).unwrap();
        example.run(&["init", file.to_str().unwrap()]).unwrap();
        example
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    pub(crate) fn downloads(&self) -> PathBuf {
        self.home.path().join("downloads")
    }

    pub(crate) fn refresh(&self, server: &Server) -> Result<(), String> {
        self.run(&["--metadata-url", &server.url("metadata"), "refresh"])
    }

    pub(crate) fn download(&self, server: &Server, paths: &[&str]) -> Result<(), String> {
        let (metadata, targets, dir) = (server.url("metadata"), server.url("targets"), self.downloads());
        let mut args = vec!["--metadata-url", &metadata, "--target-base-url", &targets];
        args.extend(["--target-dir", dir.to_str().unwrap()]);
        args.extend(paths.iter().flat_map(|path| ["--target-name", path]));
        args.push("download");
        self.run(&args)
    }

    /// The exit code is 0, or 1 with this on standard error.
    pub(crate) fn run(&self, args: &[&str]) -> Result<(), String> {
        let state = self.state();
        let mut command = Command::new(example("tuf-client"));
        let output = command.arg("--metadata-dir").arg(state).args(args).env_clear().output().unwrap();
        match output.status.code() {
            Some(0) => Ok(()),
            Some(1) => Err(String::from_utf8(output.stderr).unwrap()),
            code => panic!("exit code {code:?}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}
