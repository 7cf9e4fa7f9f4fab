//! A STORE: where one private key lives, `age:PATH` or an RFC 7512 `pkcs11:` URI. Pure: nothing is opened here.

use std::fmt;
use std::str::FromStr;

/// Where one private key lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreUri {
    /// A file encrypted with a passphrase.
    Age(String),
    /// A key on a token.
    Pkcs11(Pkcs11Uri),
}

/// The parts of a `pkcs11:` URI that pick a token and an object, percent-decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pkcs11Uri {
    /// `token`: the token's label.
    pub token: Option<String>,
    /// `serial`
    pub serial: Option<String>,
    /// `model`
    pub model: Option<String>,
    /// `manufacturer`
    pub manufacturer: Option<String>,
    /// `object`: the key's label.
    pub object: Option<String>,
    /// `id`: the key's CKA_ID.
    pub id: Option<Vec<u8>>,
    /// `module-path`
    pub module_path: Option<String>,
}

/// Why a text is not a STORE.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct BadStoreUri(pub String);

impl FromStr for StoreUri {
    type Err = BadStoreUri;

    fn from_str(text: &str) -> Result<Self, BadStoreUri> {
        if let Some(path) = text.strip_prefix("age:") {
            return match path {
                "" => Err(BadStoreUri("age: needs the path of a file, as in age:keys/ana.age".into())),
                path if path.chars().any(char::is_control) => {
                    Err(BadStoreUri("the path has a control character".into()))
                }
                path => Ok(Self::Age(path.to_owned())),
            };
        }
        match text.strip_prefix("pkcs11:") {
            Some(rest) => Ok(Self::Pkcs11(parse_pkcs11(rest)?)),
            // It may be a passphrase that was typed into the wrong field: it is not repeated.
            None => {
                Err(BadStoreUri("this is not a STORE; write age:PATH or pkcs11:token=...;object=...".into()))
            }
        }
    }
}

impl Pkcs11Uri {
    /// A `pkcs11:` URI that may name a token alone, to look at it. A STORE names its key, too.
    ///
    /// # Errors
    /// When it is not such a URI, or names no token.
    pub fn of_token(text: &str) -> Result<Self, BadStoreUri> {
        match text.strip_prefix("pkcs11:") {
            Some(rest) => parse_token(rest),
            None => Err(BadStoreUri(format!("{text:?} is not a token; write pkcs11:token=LABEL"))),
        }
    }
}

fn parse_pkcs11(rest: &str) -> Result<Pkcs11Uri, BadStoreUri> {
    let uri = parse_token(rest)?;
    if uri.object.is_none() && uri.id.is_none() {
        return Err(BadStoreUri("a pkcs11 STORE names its key, by object= or id=".into()));
    }
    Ok(uri)
}

fn parse_token(rest: &str) -> Result<Pkcs11Uri, BadStoreUri> {
    let mut uri = Pkcs11Uri::default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let parts = path.split(';').map(|p| (p, false)).chain(query.split('&').map(|p| (p, true)));
    for (part, in_query) in parts.filter(|(part, _)| !part.is_empty()) {
        let (name, raw) =
            part.split_once('=').ok_or_else(|| BadStoreUri(format!("{part:?} is not NAME=VALUE")))?;
        if matches!(name, "pin-value" | "pin-source") {
            return Err(BadStoreUri(format!(
                "{name} is not allowed: a PIN is typed when it is needed, never written down"
            )));
        }
        let bytes =
            percent_decode(raw).ok_or_else(|| BadStoreUri(format!("{name} has a broken % escape")))?;
        let slot = match (name, in_query) {
            ("token", false) => &mut uri.token,
            ("serial", false) => &mut uri.serial,
            ("model", false) => &mut uri.model,
            ("manufacturer", false) => &mut uri.manufacturer,
            ("object", false) => &mut uri.object,
            ("module-path", true) => &mut uri.module_path,
            ("id", false) => {
                if uri.id.replace(bytes).is_some() {
                    return Err(BadStoreUri("id is given twice".into()));
                }
                continue;
            }
            ("type", false) if bytes == b"private" => continue,
            ("type", false) => return Err(BadStoreUri("type can only be private".into())),
            _ => {
                return Err(BadStoreUri(format!(
                    "{name} does not pick a token or a key here; use token, serial, model, manufacturer, object, id, and ?module-path"
                )));
            }
        };
        let text = String::from_utf8(bytes).map_err(|_| BadStoreUri(format!("{name} is not UTF-8")))?;
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(BadStoreUri(format!("{name} is empty or has a control character")));
        }
        if slot.replace(text).is_some() {
            return Err(BadStoreUri(format!("{name} is given twice")));
        }
    }
    if uri.token.is_none() && uri.serial.is_none() {
        return Err(BadStoreUri("a pkcs11 STORE names its token, by token= or serial=".into()));
    }
    if let Some(module) = &uri.module_path
        && !module.starts_with('/')
    {
        return Err(BadStoreUri("module-path is not an absolute path".into()));
    }
    Ok(uri)
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let pair = tail.get(..2)?;
            let digits =
                std::str::from_utf8(pair).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    Some(bytes)
}

fn percent_encode(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                write!(f, "{}", char::from(byte))?;
            }
            _ => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

impl fmt::Display for StoreUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age(path) => write!(f, "age:{path}"),
            Self::Pkcs11(uri) => uri.fmt(f),
        }
    }
}

impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pkcs11:")?;
        let text = |part: &Option<String>| part.clone().map(String::into_bytes);
        let parts = [
            ("token", text(&self.token)),
            ("serial", text(&self.serial)),
            ("model", text(&self.model)),
            ("manufacturer", text(&self.manufacturer)),
            ("object", text(&self.object)),
            ("id", self.id.clone()),
        ];
        for (n, (name, value)) in parts.iter().filter_map(|(n, v)| Some((n, v.as_ref()?))).enumerate() {
            write!(f, "{}{name}=", if n == 0 { "" } else { ";" })?;
            percent_encode(f, value)?;
        }
        if let Some(module) = &self.module_path {
            f.write_str("?module-path=")?;
            percent_encode(f, module.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_reads_back_as_it_was_written() {
        let text = "pkcs11:token=ROOT%20BO;serial=0a1b;object=root-2026;id=%02%FF?module-path=/usr/lib/x.so";

        assert_eq!(text.parse::<StoreUri>().unwrap().to_string(), text);
    }

    #[test]
    fn a_pin_in_a_uri_is_refused() {
        let error = "pkcs11:token=A;object=b?pin-value=1234".parse::<StoreUri>().unwrap_err();

        insta::assert_snapshot!(error, @"pin-value is not allowed: a PIN is typed when it is needed, never written down");
    }

    #[test]
    fn a_token_and_a_key_must_be_named() {
        assert!("pkcs11:object=b".parse::<StoreUri>().is_err());
        assert!("pkcs11:token=A".parse::<StoreUri>().is_err());
        assert!(Pkcs11Uri::of_token("pkcs11:token=A").is_ok());
        assert!(Pkcs11Uri::of_token("pkcs11:object=b").is_err());
        assert!("pkcs11:token=A;token=B;object=c".parse::<StoreUri>().is_err());
        assert!("pkcs11:token=%4;object=c".parse::<StoreUri>().is_err());
        assert!("file:/x".parse::<StoreUri>().is_err());
    }
}
