//! What is sent to whoever signs at another place. Pure.

use crate::ceremony::Ceremony;
use crate::room::Quorum;
use crate::tuf::RoleKeys;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Request;
use crate::tuf::apart::Signers;
use crate::tuf::apart::Threshold;

impl Ceremony {
    /// The request from which a role is signed elsewhere, once people have reviewed it; `None` where nobody does.
    pub fn request(&self, role: &str) -> Option<Result<Request, ApartError>> {
        self.request_to_be(role).filter(|_| self.room().reviewed(role))
    }

    /// The same before it is reviewed.
    pub fn request_to_be(&self, role: &str) -> Option<Result<Request, ApartError>> {
        let metadata = self.metadata(role).filter(|_| self.plan().asks_elsewhere(role))?;
        let file = metadata.with_signatures(Vec::new()).to_file();
        let before = self.plan().before.as_ref().and_then(|before| before.file(role));
        let before = before.map(|file| file.bytes.to_vec());
        let names = self.names();
        Some(match role {
            "root" => Request::for_root(&file, before.as_deref(), names),
            _ => Request::of_role(&file, role, self.signers(role), before.as_deref(), names),
        })
    }

    /// Whose signatures a role needs, by the keys that are known.
    fn signers(&self, role: &str) -> Signers {
        let threshold = |quorum: Quorum| {
            let known = quorum.keys.iter().filter_map(|name| self.known(name));
            let keys = known.map(|known| (known.keyid.clone(), known.public.clone())).collect();
            let threshold = u32::try_from(quorum.threshold).unwrap_or(u32::MAX);
            Threshold { of: by_whom(&quorum.by), keys: RoleKeys { keys, threshold } }
        };
        Signers(self.plan().quorums(role).into_iter().map(threshold).collect())
    }
}

/// `root 2` is `root version 2`, as requests name it; nothing before is the first root.
fn by_whom(by: &str) -> String {
    match by.strip_prefix("root ") {
        Some(version) => format!("root version {version}"),
        None if by.is_empty() => "root version 1".to_owned(),
        None => by.to_owned(),
    }
}
