//! A client of the tough library over a directory: judges what we export, as someone else would.
//!
//! `tough-peer BUNDLE PINNED-ROOT TARGET OUT-DIR` updates from `BUNDLE/metadata` trusting only the pinned root, then
//! saves TARGET from `BUNDLE/targets` into OUT-DIR. Exit 0: accepted. Exit 1: refused, with tough's own words on
//! standard error. Exit 2: called wrongly. Expiry is enforced, at the time that the C library tells (the tests run it
//! under libfaketime). There is no HTTP in it: tough is built without.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use tough::ExpirationEnforcement;
use tough::FilesystemTransport;
use tough::Prefix;
use tough::RepositoryLoader;
use tough::TargetName;
use url::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [bundle, pinned_root, target, out] = args.as_slice() else {
        eprintln!("usage: tough-peer BUNDLE PINNED-ROOT TARGET OUT-DIR");
        return ExitCode::from(2);
    };
    match visit(Path::new(bundle), Path::new(pinned_root), target, Path::new(out)).await {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("refused: {}", causes(error.as_ref()));
            ExitCode::from(1)
        }
    }
}

async fn visit(
    bundle: &Path,
    pinned_root: &Path,
    target: &str,
    out: &Path,
) -> Result<String, Box<dyn Error>> {
    let root = tokio::fs::read(pinned_root).await?;
    let repository = RepositoryLoader::new(
        &root,
        directory(&bundle.join("metadata"))?,
        directory(&bundle.join("targets"))?,
    )
    .transport(FilesystemTransport)
    .expiration_enforcement(ExpirationEnforcement::Safe)
    .load()
    .await?;
    repository.save_target(&TargetName::new(target)?, out, Prefix::None).await?;
    Ok(format!(
        "accepted: root {}, targets {}, snapshot {}, timestamp {}",
        repository.root().signed.version,
        repository.targets().signed.version,
        repository.snapshot().signed.version,
        repository.timestamp().signed.version
    ))
}

fn directory(path: &Path) -> Result<Url, Box<dyn Error>> {
    let path = path.canonicalize()?;
    Url::from_directory_path(&path).map_err(|()| format!("{}: not a directory", path.display()).into())
}

/// The error and every cause below it, on one line.
fn causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}
