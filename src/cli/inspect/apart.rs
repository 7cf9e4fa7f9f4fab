//! Requests and responses in plain words, as files and as what carries them without one.

use serde_json::Value;
use serde_json::json;

use crate::cli;
use crate::cli::inspect::Description;
use crate::driver::apart::remarks;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tuf::apart::carry;
use crate::tuf::apart::carry::Carried;
use crate::words::Digest;

/// How much of a code's text people see, in characters.
const SHOWN: usize = 200;

pub(super) fn request(bytes: &[u8]) -> Result<Description, String> {
    let request = Request::parse(bytes).map_err(|error| format!("a request that cannot be used: {error}"))?;
    let (role, version) = (&request.role, request.version());
    let mut lines = vec![format!("a request for signatures of {role} version {version}")];
    if request.is_rehearsal() {
        lines.push("REHEARSAL: nobody may trust it".to_owned());
    }
    for threshold in request.signers.thresholds() {
        let (need, of) = (threshold.keys.threshold, threshold.keys.keys.len());
        lines.push(format!("{}: {need} of {of} must sign", threshold.of));
        lines.extend(threshold.keys.keys.iter().map(|(keyid, key)| {
            format!("  {keyid} {}, {}", key.scheme(), request.names.of_key(keyid, key.to_json()))
        }));
    }
    lines.extend(request.counts_elsewhere());
    lines.extend(remarks(&request, cli::verify::now()).into_iter().map(|remark| format!("remark: {remark}")));
    lines.push("its digest in words; `keyrite sign` shows what it asks to sign:".to_owned());
    lines.extend(Digest::of(request.metadata.payload()).lines().iter().map(|line| format!("  {line}")));
    if let Some((before, file)) = request.compared() {
        lines.push(format!("the difference is from {before}, whose file has this digest:"));
        lines.extend(Digest::of(file).lines().iter().map(|line| format!("  {line}")));
    }
    let thresholds: Vec<Value> = request
        .signers
        .thresholds()
        .iter()
        .map(|t| json!({"of": t.of, "need": t.keys.threshold, "keyids": t.keys.keys.keys().collect::<Vec<_>>()}))
        .collect();
    Ok(Description {
        lines,
        json: json!({"kind": "request", "role": role, "version": version, "sha256": request.sha256(),
            "rehearsal": request.is_rehearsal(), "thresholds": thresholds,
            "compared": cli::apart::compared(&request)}),
    })
}

pub(super) fn response(bytes: &[u8]) -> Result<Description, String> {
    let response =
        Response::parse(bytes).map_err(|error| format!("a response that cannot be used: {error}"))?;
    Ok(answer(&response))
}

fn answer(response: &Response) -> Description {
    let (role, version) = (&response.role, response.version);
    let lines = vec![
        format!("a response: one signature over {role} version {version}, {}", response.scheme),
        format!("by key {}", response.keyid),
        format!("SHA-256 of what was signed {}", response.sha256),
        "whether it verifies is said by `keyrite merge`".to_owned(),
    ];
    let json = json!({"kind": "response", "role": role, "version": version, "sha256": response.sha256,
        "keyid": response.keyid, "scheme": response.scheme});
    Description { lines, json }
}

/// Frames and typed lines; `None` when it is neither.
pub(super) fn carried(bytes: &[u8]) -> Option<Description> {
    let things = match carry::read(bytes)? {
        Ok(things) => things,
        Err(error) => {
            let lines = vec!["frames or typed lines that are not whole".to_owned(), format!("  {error}")];
            let json = json!({"kind": "frames", "whole": false, "why": error.to_string()});
            return Some(Description { lines, json });
        }
    };
    let mut lines = vec!["carried as frames or typed lines, whole:".to_owned()];
    let mut all = Vec::new();
    for thing in things {
        let said = match thing {
            Carried::Response(response) => answer(&response),
            Carried::Request(file) => request(&file).unwrap_or_else(|why| Description {
                lines: vec![why.clone()],
                json: json!({"kind": "request", "why": why}),
            }),
        };
        lines.extend(said.lines);
        all.push(said.json);
    }
    Some(Description { lines, json: json!({"kind": "frames", "whole": true, "carry": all}) })
}

/// Codes that carry something else.
pub(super) fn text(texts: &[String]) -> Description {
    let mut lines = vec!["with text that is nothing of ours:".to_owned()];
    lines.extend(texts.iter().map(|text| format!("  {}", text.chars().take(SHOWN).collect::<String>())));
    Description { lines, json: json!({"kind": "text"}) }
}
