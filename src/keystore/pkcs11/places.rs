//! Files that a PKCS#11 module needs: its libraries and configuration to read, and where its token keeps keys to write.
//!
//! A module's process inherits what its parent gave up. A token that is a device, or is reached through pcscd, takes
//! no file of its own; one in software does, and says where in its configuration.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::keystore::sandbox::Reach;

/// Libraries, and programs that a module starts itself (p11-kit's remote modules).
const RUN: [&str; 6] = ["/usr", "/lib", "/lib32", "/lib64", "/opt", "/nix/store"];
/// Configuration, and sockets of services.
const READ: [&str; 3] = ["/etc", "/run", "/var/run"];
/// Readers, tokens on USB, TPMs.
const DEVICES: &str = "/dev";
/// Variables that name a file or directory of configuration.
const NAMED: [&str; 6] = [
    "SOFTHSM2_CONF",
    "KRYOPTIC_CONF",
    "OPENSC_CONF",
    "YUBIHSM_PKCS11_CONF",
    "ChrystokiConfigurationPath",
    "OPENSSL_CONF",
];
/// The same below a person's own configuration.
const OWN: [&str; 3] = ["softhsm2", "pkcs11", "kryoptic"];

/// What stays within reach where these modules are used.
pub fn reach(modules: &[PathBuf]) -> Reach {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let config = env::var_os("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let mut reach = Reach { run: RUN.map(PathBuf::from).to_vec(), ..Reach::default() };
    // A module may lie anywhere, with its libraries beside it.
    let beside = modules.iter().filter_map(|module| module.canonicalize().ok()?.parent().map(Path::to_owned));
    reach.run.extend(beside.filter(|dir| dir != Path::new("/")));
    reach.run.extend(env::split_paths(&env::var_os("LD_LIBRARY_PATH").unwrap_or_default()));
    reach.read.extend(READ.map(PathBuf::from));
    reach.read.extend(NAMED.iter().filter_map(|name| env::var_os(name).map(PathBuf::from)));
    reach.read.extend(OWN.map(|name| config.join(name)));
    reach.write.extend([PathBuf::from(DEVICES), cache.join("opensc")]);
    reach.write.extend(token_directories(&home, &config));
    reach.run.retain(|path| path.is_absolute() && path != Path::new("/"));
    reach
}

/// Where tokens in software keep their keys.
fn token_directories(home: &Path, config: &Path) -> Vec<PathBuf> {
    let conf = |variable: &str, own: &str, system: &str| {
        let named = env::var_os(variable).map(PathBuf::from);
        let places = named.into_iter().chain([config.join(own), PathBuf::from(system)]);
        places.filter_map(|path| fs::read_to_string(path).ok()).next().unwrap_or_default()
    };
    let softhsm = conf("SOFTHSM2_CONF", "softhsm2/softhsm2.conf", "/etc/softhsm/softhsm2.conf");
    let kryoptic = conf("KRYOPTIC_CONF", "kryoptic/token.conf", "/usr/local/etc/kryoptic/token.conf");
    let mut found = settings(&softhsm, "directories.tokendir");
    // Beside its file a database keeps a journal of its own.
    let databases = settings(&kryoptic, "dbargs");
    found.extend(databases.iter().filter_map(|file| file.parent().map(Path::to_owned)));
    found.push(PathBuf::from("/var/lib/softhsm/tokens"));
    let tpm = env::var_os("TPM2_PKCS11_STORE").map(PathBuf::from);
    found.extend(tpm.into_iter().chain([home.join(".tpm2_pkcs11"), PathBuf::from("/etc/tpm2_pkcs11")]));
    found.retain(|path| path.is_absolute() && path != Path::new("/"));
    found
}

/// Every value of a setting in a text of lines `name = value`, with or without quotes.
fn settings(text: &str, name: &str) -> Vec<PathBuf> {
    let values = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| PathBuf::from(value.trim().trim_matches(['"', '\''])))
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_token_in_software_keeps_its_keys_is_read_from_its_configuration() {
        let softhsm = "# SoftHSM\ndirectories.tokendir = /var/tokens/\nobjectstore.backend = file\n";
        let kryoptic = "[[slots]]\nslot = 0\ndbtype = \"sqlite\"\ndbargs = \"/tmp/a/t.sql\"\n";

        assert_eq!(settings(softhsm, "directories.tokendir"), [PathBuf::from("/var/tokens/")]);
        assert_eq!(settings(kryoptic, "dbargs"), [PathBuf::from("/tmp/a/t.sql")]);
        assert!(settings("", "dbargs").is_empty());
    }
}
