//! The metadata that a ceremony starts from: read once, verified, and pinned by the reviewed file.

use std::collections::BTreeMap;

use crate::lint;
use crate::lint::Client;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::Repository;
use crate::tuf::SignedFile;
use crate::tuf::client;
use crate::tuf::client::Files;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::client::WATERMARK;
use crate::tuf::client::Wants;
use crate::tuf::repository::RoleFile;
use crate::tuf::root::Root;
use crate::words::Digest;

/// Metadata files by name, byte for byte.
pub type MetadataFiles = BTreeMap<String, SignedFile>;

/// The state of trust before a ceremony.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// Every file, as it lies.
    pub files: MetadataFiles,
    /// The same, read.
    pub repository: Repository,
    /// Why the files beside the roots do not verify, where they do not.
    pub unverified: Option<String>,
}

/// Files that are in memory.
struct Held<'a>(&'a MetadataFiles);

impl Files for Held<'_> {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        match self.0.get(name) {
            Some(bytes) if bytes.len() as u64 > max => Err(format!("larger than {max} bytes")),
            found => Ok(found.map(|file| file.to_vec())),
        }
    }

    fn held(&self, name: &str) -> Option<SignedFile> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.0.keys().cloned().collect())
    }

    fn wants(&self) -> Wants<'_> {
        Wants::Nothing
    }
}

impl Before {
    /// Reads and verifies the files: the roots as one chain from the oldest that is there, and the rest as far as
    /// there is one. Expiry does not matter: an expired repository is mended by a ceremony too.
    pub fn read(files: MetadataFiles, allow_rehearsal: bool) -> Result<Self, String> {
        let repository = Repository::read(&Held(&files)).map_err(|error| error.to_string())?;
        Self::of(files, repository, allow_rehearsal)
    }

    /// The same of files that were read: `repository` is what they say.
    pub fn of(files: MetadataFiles, repository: Repository, allow_rehearsal: bool) -> Result<Self, String> {
        let held = Held(&files);
        let oldest = repository.roots.first().map(|root| root.bytes.clone()).unwrap_or_default();
        let verify = |scope| {
            let at = Date::from_unix(0);
            client::verify(&held, &Request { pinned: &oldest, at, scope, allow_rehearsal })
                .map_err(|refused| refused.to_string())
        };
        verify(Scope::Root)?;
        let has = |role: &str| repository.roles.contains_key(role);
        let unverified = match (has("targets"), has("snapshot") && has("timestamp")) {
            (false, _) => None,
            // Whom a server has not listed yet begins later; everything else is administered meanwhile.
            (true, true) => verify(Scope::Begun).err(),
            (true, false) => verify(Scope::Offline).err(),
        };
        Ok(Self { files, repository, unverified })
    }

    /// The newest root file.
    pub fn root_file(&self) -> &RoleFile {
        // A repository has at least one root.
        &self.repository.roots[self.repository.roots.len() - 1]
    }

    /// SHA-256 of the newest root file: what the reviewed file pins.
    pub fn root_sha256(&self) -> String {
        Digest(self.root_file().bytes.sha256()).hex()
    }

    /// Whether a rehearsal made it, or it stands in for the real one in a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.root_file().metadata.signed().get(WATERMARK).is_some()
    }

    /// The public half of a key that root or any delegation lists under this keyid.
    pub fn public(&self, keyid: &KeyId) -> Option<PublicKey> {
        let of_root = self.repository.root.keys.get(keyid).cloned();
        of_root.or_else(|| {
            let delegations =
                self.repository.targets_roles().filter_map(|(role, _)| self.repository.delegations(role));
            delegations.into_iter().find_map(|delegations| delegations.keys.get(keyid).cloned())
        })
    }

    /// The keyid under which root or any delegation lists this key.
    pub fn keyid(&self, public: &PublicKey) -> Option<KeyId> {
        let same = |(_, listed): &(&KeyId, &PublicKey)| listed.material() == public.material();
        let of_root = self.repository.root.keys.iter().find(same).map(|(keyid, _)| keyid.clone());
        of_root.or_else(|| {
            let mut delegations =
                self.repository.targets_roles().filter_map(|(role, _)| self.repository.delegations(role));
            delegations.find_map(|list| list.keys.iter().find(same).map(|(keyid, _)| keyid.clone()))
        })
    }

    /// The public half of a key that any root here lists, or listed.
    pub fn ever(&self, keyid: &KeyId) -> Option<PublicKey> {
        let roots = self.repository.roots.iter().rev();
        let mut read = roots.filter_map(|file| Root::from_signed(file.metadata.signed()).ok());
        read.find_map(|root| root.keys.get(keyid).cloned())
    }

    /// The version of the newest root that lists this key.
    pub fn last_listed(&self, public: &PublicKey) -> Option<u64> {
        let same = |key: &PublicKey| key.material() == public.material();
        let roots = self.repository.roots.iter().rev();
        let mut read = roots.filter_map(|file| Root::from_signed(file.metadata.signed()).ok());
        read.find(|root| root.keys.values().any(same)).map(|root| root.version)
    }

    /// The highest version that a role ever had, by its file and by what snapshot lists.
    pub fn version(&self, role: &str) -> Option<u64> {
        if role == "root" {
            return Some(self.root_file().version);
        }
        let of_file = self.repository.roles.get(role).map(|file| file.version);
        let listed = |snapshot: crate::tuf::snapshot::Snapshot| {
            snapshot.meta.get(&format!("{role}.json")).map(|m| m.version)
        };
        let of_timestamp = || {
            self.repository
                .timestamp()
                .filter(|_| role == "snapshot")
                .map(|timestamp| timestamp.snapshot.version)
        };
        of_file.max(self.repository.snapshot().and_then(listed)).max(of_timestamp())
    }

    /// Whether a delegated role may have metadata that is not here: somebody delegates to it, and no snapshot shows that it
    /// has none yet.
    pub fn may_lack(&self, role: &str) -> bool {
        let listed = || {
            let snapshot = self.repository.snapshot();
            snapshot.is_none_or(|snapshot| snapshot.meta.contains_key(&format!("{role}.json")))
        };
        let delegates = |from: &str| {
            let list = self.repository.delegations(from);
            list.is_some_and(|list| list.roles.iter().any(|delegation| delegation.name == role))
        };
        self.file(role).is_none()
            && listed()
            && self.repository.targets_roles().any(|(from, _)| delegates(from))
    }

    /// Whether somebody delegates to a role that snapshot does not list: clients stop where they look for its paths.
    pub fn awaits_delegates(&self) -> bool {
        let Some(snapshot) = self.repository.snapshot() else { return false };
        let lists = |role: &str| snapshot.meta.contains_key(&format!("{role}.json"));
        let delegations =
            self.repository.targets_roles().filter_map(|(role, _)| self.repository.delegations(role));
        delegations.flat_map(|list| list.roles).any(|delegation| !lists(&delegation.name))
    }

    /// Whether a client that was shipped with this root reaches the newest one, and over which versions; where `next` is
    /// signed as the newest one asks, it reaches that too.
    pub fn reach(&self, anchor: &Metadata, next: Option<u64>) -> Result<String, String> {
        let root = Root::from_signed(anchor.signed()).map_err(|error| error.to_string())?;
        let newest = self.root_file().version;
        if root.version > newest {
            return Err(format!("root {} is newer than {newest}", root.version));
        }
        let pinned = anchor.to_file();
        let at = Date::from_unix(0);
        let request = Request { pinned: &pinned, at, scope: Scope::Root, allow_rehearsal: true };
        // A client asks for what follows its own root, and never sees what else was signed in its place.
        let later = self.repository.roots.iter().filter(|file| file.version > root.version);
        let named = later.filter_map(|file| Some((file.file.clone(), self.files.get(&file.file)?.clone())));
        client::verify(&Held(&named.collect()), &request).map_err(|refused| refused.to_string())?;
        let known = self.repository.roots.iter().find(|file| file.version == root.version);
        let twin = known.filter(|file| file.metadata.payload() != anchor.payload());
        // The next root is signed as the newest one here asks.
        if twin.is_some()
            && root.version == newest
            && root.role_keys("root") != self.repository.root.role_keys("root")
        {
            return Err(format!("it is another root {newest}, of other keys: two trusts of one version"));
        }
        let twin = twin.map(|file| {
            format!("; it says something else than {} here: two roots of one version were signed", file.file)
        });
        let later = self.repository.roots.iter().filter(|file| file.version > root.version);
        // A client that refuses one goes no further.
        let mut refused: BTreeMap<Client, String> = BTreeMap::new();
        for file in later {
            for (client, words) in lint::refusing("root", &file.metadata) {
                refused
                    .entry(client)
                    .or_insert_with(|| format!("; {} refuses root {}: {words}", client.name(), file.version));
            }
        }
        let to = next.unwrap_or(newest);
        let how = match to.saturating_sub(root.version) {
            0 => format!("root {to}, from which this starts"),
            1 => format!("root {} reaches root {to} in one step", root.version),
            steps => format!("root {} reaches root {to} in {steps} steps", root.version),
        };
        Ok(how + &twin.unwrap_or_default() + &refused.into_values().collect::<String>())
    }

    /// The metadata of a role as it is before.
    pub fn metadata(&self, role: &str) -> Option<&Metadata> {
        self.file(role).map(|file| file.metadata.as_ref())
    }

    /// The file of a role as it is before.
    pub fn file(&self, role: &str) -> Option<&RoleFile> {
        if role == "root" { Some(self.root_file()) } else { self.repository.roles.get(role) }
    }
}
