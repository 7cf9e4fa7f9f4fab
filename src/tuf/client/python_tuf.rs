//! What python-tuf refuses, and this client takes, since the specification allows it or does not say: `verify` remarks it.

use serde_json::Value;

use crate::tuf::client::workflow::Workflow;
use crate::tuf::root::TOP_LEVEL;

/// The largest timestamp that python-tuf loads where nobody told it otherwise, in bytes.
const MAX_TIMESTAMP: usize = 16_384;

/// The hashes that are looked at.
const ALGORITHMS: [&str; 2] = ["sha256", "sha512"];

impl Workflow<'_> {
    /// Remarks on what a file says.
    pub(super) fn remark_python_tuf(&mut self, file: &str, signed: &Value) {
        let expires = signed["expires"].as_str().unwrap_or_default();
        if expires.ends_with(":60Z") {
            self.python_tuf_refuses(file, format!("it expires at a leap second, {expires}"));
        }
        for role in members(&signed["roles"]).map(|(role, _)| role) {
            if !TOP_LEVEL.contains(&role.as_str()) {
                self.python_tuf_refuses(file, format!("root has a role {role:?} beside the four"));
            }
        }
        if signed.get("delegations").is_some_and(Value::is_null) {
            self.python_tuf_refuses(file, "delegations is null");
        }
        for role in signed["delegations"]["roles"].as_array().into_iter().flatten() {
            if role.get("terminating").is_none() {
                self.python_tuf_refuses(
                    file,
                    format!("the delegation to {} lacks terminating", role["name"]),
                );
            }
        }
        for (name, listed) in members(&signed["meta"]) {
            if listed.get("length").is_some_and(Value::is_null) {
                self.python_tuf_refuses(file, format!("the length of {name:?} is null"));
            }
            if listed["hashes"].as_object().is_some_and(serde_json::Map::is_empty) {
                self.python_tuf_refuses(file, format!("the hashes of {name:?} are none, and stand there"));
            }
            for (algorithm, hash) in members(&listed["hashes"]) {
                let hash = hash.as_str().unwrap_or_default();
                if !ALGORITHMS.contains(&algorithm.as_str()) {
                    self.remarks.push(format!(
                        "{file}: the {algorithm} of {name:?} is not looked at here, and python-tuf refuses the file unless it holds"
                    ));
                } else if hash.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    let why = format!("the {algorithm} of {name:?} has upper-case letters");
                    self.python_tuf_refuses(file, why);
                }
            }
        }
    }

    /// Remarks on the size of a timestamp, of which nothing above lists the length.
    pub(super) fn remark_large_timestamp(&mut self, file: &str, bytes: &[u8]) {
        if bytes.len() > MAX_TIMESTAMP {
            let why = format!("{} bytes, and it loads {MAX_TIMESTAMP} of a timestamp", bytes.len());
            self.python_tuf_refuses(file, why);
        }
    }

    fn python_tuf_refuses(&mut self, file: &str, why: impl AsRef<str>) {
        self.remarks.push(format!("python-tuf refuses this: {file}: {}", why.as_ref()));
    }
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}
