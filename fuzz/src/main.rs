//! `seeds DIR`: writes the seeds of every target below DIR, by their SHA-256, so that the fuzzer starts from them.

use std::fs;
use std::path::Path;

use keyrite::words::Digest;

fn main() -> std::io::Result<()> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "corpus".to_owned());
    for (name, _) in keyrite_fuzz::TARGETS {
        let dir = Path::new(&dir).join(name);
        fs::create_dir_all(&dir)?;
        for seed in keyrite_fuzz::seeds::of(name) {
            fs::write(dir.join(&Digest::of(&seed).hex()[..32]), seed)?;
        }
    }
    Ok(())
}
