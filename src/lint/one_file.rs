//! A single file, looked at as a set.

use crate::tuf::client::Files;

/// A single file.
pub struct OneFile {
    /// Its name, which says its role.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Files for OneFile {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        match u64::try_from(self.bytes.len()) {
            Ok(length) if length <= max => Ok((name == self.name).then(|| self.bytes.clone())),
            _ => Err(format!("larger than {max} bytes")),
        }
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(vec![self.name.clone()])
    }
}

impl Files for Vec<OneFile> {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        self.iter().find(|file| file.name == name).map_or(Ok(None), |file| file.read(name, max))
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.iter().map(|file| file.name.clone()).collect())
    }
}
