//! A TUF client with the command line of tuf-conformance, so that its suite can judge our client workflow:
//!
//! ```text
//! tuf-client --metadata-dir D init ROOT
//! tuf-client --metadata-url U --metadata-dir D refresh
//! tuf-client --metadata-url U --metadata-dir D --target-name T --target-base-url B --target-dir X download
//! ```
//!
//! It is no part of the program, which has no network: this example speaks HTTP/1.1 to the loopback address and to
//! no other. Exit code 0, or 1 with the rule that failed.

use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::time::SystemTime;

use clap::Parser;
use keyrite::tuf::Date;
use keyrite::tuf::Metadata;
use keyrite::tuf::client::Client;
use keyrite::tuf::client::Files;
use keyrite::tuf::client::Local;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::file_name;
use keyrite::tuf::client::hashes_hold;
use keyrite::tuf::root::Root;
use keyrite::tuf::targets::TargetFile;

#[derive(Parser)]
struct Args {
    /// Where the client keeps what it trusts
    #[arg(long)]
    metadata_dir: PathBuf,
    /// Where the repository's metadata is
    #[arg(long)]
    metadata_url: Option<String>,
    /// The target to download
    #[arg(long)]
    target_name: Vec<String>,
    /// Where the repository's target files are
    #[arg(long)]
    target_base_url: Option<String>,
    /// Where downloaded target files go
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Trust a root
    Init { root: PathBuf },
    /// Bring the top-level metadata up to date
    Refresh,
    /// The same, then download targets
    Download,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let mut state = State { dir: args.metadata_dir.clone() };
    if let Verb::Init { root } = &args.verb {
        let bytes = fs::read(root).map_err(|e| e.to_string())?;
        let parsed = Metadata::parse(&bytes).and_then(|metadata| Root::from_signed(metadata.signed()));
        let version = parsed.map_err(|e| format!("not a root: {e}"))?.version;
        return state.keep_root(version, &bytes);
    }
    let remote = Remote(Base::parse(args.metadata_url.as_deref().ok_or("--metadata-url is missing")?)?);
    let pinned = fs::read(state.dir.join("root.json")).map_err(|e| format!("root.json: {e}"))?;
    // One time for the whole run (section 5.1).
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?;
    let at = Date::from_unix(i64::try_from(since.as_secs()).map_err(|e| e.to_string())?);
    let request = Request { pinned: &pinned, at, scope: Scope::Full, allow_rehearsal: false };
    let mut client = Client::refresh(&remote, &mut state, &request).map_err(|e| e.to_string())?;
    if let Verb::Download = args.verb {
        let base = Base::parse(args.target_base_url.as_deref().ok_or("--target-base-url is missing")?)?;
        let dir = args.target_dir.as_deref().ok_or("--target-dir is missing")?;
        for path in &args.target_name {
            let found = client.find(path).map_err(|e| e.to_string())?;
            let target = found.ok_or_else(|| format!("{path}: no role that we believe lists this target"))?;
            download(&base, dir, path, &target, client.consistent_snapshot())?;
        }
    }
    for remark in client.remarks() {
        eprintln!("remark: {remark}");
    }
    Ok(())
}

/// Fetches one target, checks length and hashes, and only then gives it its name (section 5.7).
fn download(
    base: &Base,
    dir: &Path,
    path: &str,
    target: &TargetFile,
    consistent: bool,
) -> Result<(), String> {
    let name = file_name(path, None);
    let name = name.strip_suffix(".json").unwrap_or(&name);
    if matches!(name, "" | "." | "..") {
        return Err(format!("{path:?} is not the name of a file"));
    }
    let holds = |bytes: &[u8]| match u64::try_from(bytes.len()) {
        Ok(length) if length == target.length => hashes_hold(bytes, target.hashes.iter()),
        _ => Err(format!("{} bytes and not {}", bytes.len(), target.length)),
    };
    if fs::read(dir.join(name)).is_ok_and(|bytes| holds(&bytes).is_ok()) {
        return Ok(());
    }
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(folder, file)| (folder, file));
    let hash = ["sha256", "sha512"].iter().find_map(|algorithm| target.hashes.get(algorithm));
    let file = match hash.filter(|_| consistent) {
        Some(hash) => format!("{hash}.{file}"),
        None => file.to_owned(),
    };
    let asked = if folder.is_empty() { file } else { format!("{folder}/{file}") };
    let bytes = base.get(&in_url(&asked), target.length)?.ok_or_else(|| format!("{path}: not found"))?;
    holds(&bytes).map_err(|why| format!("{path}: {why}"))?;
    replace(dir, name, &bytes).map_err(|e| format!("{path}: {e}"))
}

/// A path as the path of a URL: what RFC 3986 lets stand in one stands, all else is encoded.
fn in_url(path: &str) -> String {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    let letter = |byte: u8| if stands(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(letter).collect()
}

/// The client's directory: `root.json`, `timestamp.json`, ... and every root that it trusted in `root_history/`.
struct State {
    dir: PathBuf,
}

impl Files for State {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        match fs::File::open(self.dir.join(name)) {
            Ok(file) => bounded(file, max).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

impl Local for State {
    fn keep_root(&mut self, version: u64, bytes: &[u8]) -> Result<(), String> {
        let history = self.dir.join("root_history");
        fs::create_dir_all(&history).map_err(|e| e.to_string())?;
        replace(&history, &format!("{version}.root.json"), bytes).map_err(|e| e.to_string())?;
        self.keep("root.json", bytes)
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        replace(&self.dir, name, bytes).map_err(|e| e.to_string())
    }

    fn forget(&mut self, name: &str) -> Result<(), String> {
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

/// Replaces a file as a whole: a run that is cut off leaves the old one.
fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = dir.join(".new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, dir.join(name))
}

fn bounded(from: impl Read, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= max => Ok(bytes),
        _ => Err(format!("larger than {max} bytes")),
    }
}

/// A repository's metadata, over HTTP.
struct Remote(Base);

impl Files for Remote {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        self.0.get(name, max)
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Err("a server does not list its files".to_owned())
    }
}

/// `http://127.0.0.1:PORT/PATH/`
struct Base {
    port: u16,
    path: String,
}

impl Base {
    fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: only http is spoken here"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host.split_once(':').unwrap_or((host, "80"));
        if !matches!(host, "127.0.0.1" | "localhost") {
            return Err(format!("{url}: only the loopback address is spoken to"));
        }
        if path.contains(|c: char| c.is_control() || c == ' ') {
            return Err(format!("{url:?}: not a URL"));
        }
        let port = port.parse().map_err(|_| format!("{url}: not a port"))?;
        let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
        Ok(Self { port, path: format!("/{path}{slash}") })
    }

    /// One GET. `None` for 404 and 403, which is how stores say that there is no such file.
    fn get(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        self.ask(name, max).map_err(|why| format!("GET {}{name}: {why}", self.path))
    }

    fn ask(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        let io = |e: io::Error| e.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(io)?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(io)?;
        let (path, port) = (&self.path, self.port);
        let ask = format!("GET {path}{name} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).map_err(io)?;
        let mut answer = BufReader::new(stream);
        let status = line(&mut answer)?;
        let status = status.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or_default();
        let (mut length, mut chunked) = (None, false);
        loop {
            let header = line(&mut answer)?.to_ascii_lowercase();
            match header.split_once(':') {
                None if header.is_empty() => break,
                Some(("content-length", value)) => {
                    length = Some(value.trim().parse::<u64>().map_err(|e| e.to_string())?);
                }
                Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
                _ => {}
            }
        }
        match (status, length) {
            ("200", _) if chunked => chunks(&mut answer, max).map(Some),
            ("200", Some(length)) if length > max => Err(format!("larger than {max} bytes")),
            ("200", Some(length)) => {
                let bytes = bounded(answer.take(length), max)?;
                let whole = u64::try_from(bytes.len()) == Ok(length);
                whole.then_some(Some(bytes)).ok_or_else(|| "the answer was cut off".to_owned())
            }
            ("200", None) => bounded(answer, max).map(Some),
            ("403" | "404", _) => Ok(None),
            (other, _) => Err(format!("status {other}")),
        }
    }
}

/// One line of a head, at most 16 KiB, without its end.
fn line(from: &mut impl BufRead) -> Result<String, String> {
    let mut line = Vec::new();
    from.take(1 << 14).read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
    let line = String::from_utf8(line).map_err(|e| e.to_string())?;
    let line = line.strip_suffix('\n').ok_or("the answer was cut off")?;
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A body in chunks (RFC 9112 section 7.1).
fn chunks(from: &mut impl BufRead, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    loop {
        let head = line(from)?;
        let size = head.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|e| format!("a chunk: {e}"))?;
        if size == 0 {
            return Ok(bytes);
        }
        let left = max.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if size > left {
            return Err(format!("larger than {max} bytes"));
        }
        let chunk = bounded(from.by_ref().take(size), size)?;
        if u64::try_from(chunk.len()) != Ok(size) || !line(from)?.is_empty() {
            return Err("the answer was cut off".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
}
