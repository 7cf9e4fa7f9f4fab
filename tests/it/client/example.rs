//! The example client over HTTP: its files, its requests, and a server that misbehaves.

use std::fs;

use serde_json::json;

use super::server::*;
use crate::tuf::world::*;

/// So that no day on which the tests run is too late.
const NEVER: &str = "2199-01-01T00:00:00Z";

/// The world, never expiring, and its set.
fn lasting() -> World {
    let mut world = world();
    for (root, _) in &mut world.roots {
        root["expires"] = json!(NEVER);
    }
    for (role, _) in world.roles.values_mut() {
        role["expires"] = json!(NEVER);
    }
    world.snapshot.0["expires"] = json!(NEVER);
    world.timestamp.0["expires"] = json!(NEVER);
    world
}

/// A server with the world's files and target files, and a client that trusts its first root.
fn stage(world: &World) -> (Server, Example) {
    let server = Server::new();
    let set = world.build();
    server.publish(&set);
    let example = Example::new(&set.0["1.root.json"]);
    (server, example)
}

fn hash(content: &[u8]) -> String {
    target(content)["hashes"]["sha256"].as_str().unwrap().to_owned()
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn init_refresh_and_download_end_with_the_files_of_the_protocol() {
    let world = lasting();
    let (server, example) = stage(&world);
    let tool = format!("/targets/dev/{}.tool.txt", hash(b"tool"));
    server.serve(&tool, b"tool");

    example.refresh(&server).unwrap();
    let metadata = ["2.root", "3.root", "timestamp", "5.snapshot", "3.targets"];
    assert_eq!(server.asked(), metadata.map(|name| format!("/metadata/{name}.json")));
    example.download(&server, &["dev/tool.txt"]).unwrap();

    let after = ["/metadata/3.root.json", "/metadata/timestamp.json", "/metadata/2.dev.json", &tool];
    assert_eq!(server.asked(), after);
    assert_eq!(
        names(&example.state()),
        ["dev.json", "root.json", "root_history", "snapshot.json", "targets.json", "timestamp.json"]
    );
    assert_eq!(names(&example.state().join("root_history")), ["1.root.json", "2.root.json"]);
    let set = world.build();
    assert_eq!(fs::read(example.state().join("root.json")).unwrap(), set.0["2.root.json"]);
    assert_eq!(fs::read(example.state().join("timestamp.json")).unwrap(), set.0["timestamp.json"]);
    assert_eq!(names(&example.downloads()), ["dev%2Ftool.txt"]);
    assert_eq!(fs::read(example.downloads().join("dev%2Ftool.txt")).unwrap(), b"tool");
}

#[test]
fn a_file_that_is_there_already_is_not_downloaded_again_and_never_replaced_by_another() {
    let mut world = lasting();
    world.role("targets")["targets"] = json!({"a": target(b"one"), "b": target(b"two")});
    let (server, example) = stage(&world);
    server.serve(&format!("/targets/{}.a", hash(b"one")), b"one");
    example.download(&server, &["a"]).unwrap();
    server.asked();
    // The server turns bad: both files are others now, one of the same length.
    server.serve(&format!("/targets/{}.a", hash(b"one")), b"bad");
    server.serve(&format!("/targets/{}.b", hash(b"two")), b"bad");

    example.download(&server, &["a"]).unwrap();
    assert_eq!(server.asked(), ["/metadata/3.root.json", "/metadata/timestamp.json"]);
    let said = example.download(&server, &["b"]).unwrap_err();

    assert!(said.contains("b: sha256 is"), "{said}");
    assert_eq!(names(&example.downloads()), ["a"]);
    assert_eq!(fs::read(example.downloads().join("a")).unwrap(), b"one");
}

#[test]
fn a_target_is_as_long_as_it_is_listed() {
    let mut world = lasting();
    world.role("targets")["targets"] = json!({"a": target(b"one")});
    for (served, why) in [(&b"one and more"[..], "larger than 3 bytes"), (b"on", "2 bytes and not 3")] {
        let (server, example) = stage(&world);
        server.serve(&format!("/targets/{}.a", hash(b"one")), served);

        let said = example.download(&server, &["a"]).unwrap_err();

        assert!(said.contains(why), "{said}");
        assert_eq!(names(&example.downloads()), [""; 0]);
    }
}

#[test]
fn either_hash_will_do_and_its_name_is_the_one_that_is_asked_for() {
    use sha2::Digest;
    let (sha256, sha512) = (hash(b"x"), hex::encode(sha2::Sha512::digest(b"x")));
    for (hashes, name) in [
        (json!({"sha512": sha512}), &sha512),
        (json!({"sha256": sha256}), &sha256),
        (json!({"sha256": sha256, "sha512": sha512, "other": "00"}), &sha256),
    ] {
        let mut world = lasting();
        world.role("targets")["targets"] = json!({"x": {"length": 1, "hashes": hashes}});
        let (server, example) = stage(&world);
        server.serve(&format!("/targets/{name}.x"), b"x");

        example.download(&server, &["x"]).unwrap();

        assert_eq!(names(&example.downloads()), ["x"]);
    }
}

#[test]
fn without_consistent_snapshots_no_name_has_a_version_or_a_hash() {
    let mut world = lasting();
    world.consistent = false;
    for (root, _) in &mut world.roots {
        root["consistent_snapshot"] = json!(false);
    }
    let (server, example) = stage(&world);
    server.serve("/targets/app.txt", b"app");

    example.download(&server, &["app.txt"]).unwrap();

    let asked = ["metadata/2.root", "metadata/3.root", "metadata/timestamp", "metadata/snapshot"];
    assert_eq!(server.asked()[..4], asked.map(|name| format!("/{name}.json")));
}

#[test]
fn names_of_roles_and_targets_are_encoded_in_requests_and_in_files() {
    let name = "../a?b #c%41";
    let mut world = lasting();
    let dev = world.roles.remove("dev").unwrap();
    world.roles.insert(name.to_owned(), dev);
    world.role("targets")["delegations"]["roles"][0]["name"] = json!(name);
    world.role(name)["targets"] = json!({"dev/x y?%41": target(b"odd")});
    let (server, example) = stage(&world);
    let path = format!("/targets/dev/{}.x%20y%3F%2541", hash(b"odd"));
    server.serve(&path, b"odd");
    let role = "..%2Fa%3Fb%20%23c%2541.json";
    let set = world.build();
    // The request is for the encoded name, once.
    assert!(set.0.contains_key(&format!("2.{role}")));

    example.download(&server, &["dev/x y?%41"]).unwrap();

    assert_eq!(server.asked().last().unwrap(), &path);
    assert!(example.state().join(role).is_file());
    assert_eq!(names(&example.downloads()), ["dev%2Fx%20y%3F%2541"]);
    assert_eq!(names(example.home.path()), ["downloads", "initial-root.json", "state"]);
}

#[test]
fn a_target_whose_name_is_no_file_name_is_refused() {
    let mut world = lasting();
    world.role("targets")["targets"] = json!({"..": target(b"x"), ".": target(b"x"), "": target(b"x")});
    let (server, example) = stage(&world);
    for path in ["..", ".", ""] {
        let said = example.download(&server, &[path]).unwrap_err();

        assert!(said.contains("is not the name of a file"), "{said}");
    }
}

#[test]
fn a_missing_target_fails_and_the_metadata_is_fresh_all_the_same() {
    let (server, example) = stage(&lasting());

    let said = example.download(&server, &["no/such/file"]).unwrap_err();

    assert!(said.contains("no role that we believe lists this target"), "{said}");
    assert!(example.state().join("targets.json").is_file());
}

#[test]
fn the_rule_that_failed_is_said_and_what_was_trusted_stays() {
    let (server, example) = stage(&lasting());
    example.refresh(&server).unwrap();
    let mut old = lasting();
    old.timestamp.0["version"] = json!(8);
    server.publish(&old.build());

    let said = example.refresh(&server).unwrap_err();

    let expected = "error: timestamp.json: version 8, and 9 is trusted already (TIMESTAMP-NOT-ROLLED-BACK)\n";
    assert_eq!(said, expected);
    let kept = fs::read(example.state().join("timestamp.json")).unwrap();
    assert_eq!(kept, lasting().build().0["timestamp.json"]);
}

#[test]
fn an_expired_timestamp_is_refused_by_the_clock_of_the_machine() {
    let mut world = lasting();
    world.timestamp.0["expires"] = json!("2001-01-01T00:00:00Z");
    let (server, example) = stage(&world);

    let said = example.refresh(&server).unwrap_err();

    assert!(said.contains("(NOT-EXPIRED)"), "{said}");
    assert_eq!(names(&example.state()), ["root.json", "root_history"]);
}

#[test]
fn a_root_that_is_none_is_not_taken_and_nothing_is_asked() {
    let (server, example) = stage(&lasting());
    let file = example.home.path().join("not-a-root.json");
    fs::write(&file, br#"{"signatures": [], "signed": {"_type": "root"}}"#).unwrap();
    fs::remove_file(example.state().join("root.json")).unwrap();

    assert!(example.run(&["init", file.to_str().unwrap()]).unwrap_err().contains("not a root"));
    assert!(example.refresh(&server).unwrap_err().contains("root.json"));

    assert_eq!(server.asked(), [""; 0]);
}

#[test]
fn answers_in_chunks_and_answers_that_end_with_the_connection_are_read() {
    let world = lasting();
    let (server, example) = stage(&world);
    let set = world.build();
    let (head, tail) = set.0["timestamp.json"].split_at(100);
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64;x=y\r\n".to_vec();
    chunked.extend(head);
    chunked.extend(format!("\r\n{:x}\r\n", tail.len()).bytes());
    chunked.extend(tail);
    chunked.extend(b"\r\n0\r\n\r\n");
    server.answer("/metadata/timestamp.json", &chunked);
    let plain = [&b"HTTP/1.0 200 OK\r\n\r\n"[..], &set.0["5.snapshot.json"]].concat();
    server.answer("/metadata/5.snapshot.json", &plain);
    server.answer("/metadata/3.root.json", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");

    example.refresh(&server).unwrap();

    assert_eq!(fs::read(example.state().join("timestamp.json")).unwrap(), set.0["timestamp.json"]);
}

#[test]
fn an_answer_that_is_broken_or_leads_elsewhere_is_an_error_and_no_missing_file() {
    let ok = "HTTP/1.1 200 OK\r\n";
    for (answer, why) in [
        (format!("{ok}Content-Length: 100\r\n\r\nshort"), "cut off"),
        (format!("{ok}Content-Length: 99999999999\r\n\r\n"), "larger than"),
        (format!("{ok}Content-Length: many\r\n\r\n"), "invalid digit"),
        (format!("{ok}Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n"), "larger than"),
        (format!("{ok}Transfer-Encoding: chunked\r\n\r\n4\r\nab"), "cut off"),
        (format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "a chunk"),
        (ok.to_owned(), "cut off"),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "status 302",
        ),
        ("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_owned(), "status 500"),
        ("SSH-2.0-OpenSSH\r\n\r\n".to_owned(), "status "),
        (String::new(), "cut off"),
    ] {
        let (server, example) = stage(&lasting());
        server.answer("/metadata/3.root.json", answer.as_bytes());

        let said = example.refresh(&server).unwrap_err();

        assert!(said.contains("3.root.json") && said.contains(why), "{answer:?}: {said}");
        assert_eq!(names(&example.state()), ["root.json", "root_history"]);
    }
}

#[test]
fn only_the_loopback_address_is_spoken_to() {
    let (_, example) = stage(&lasting());
    for url in [
        "https://127.0.0.1/",
        "http://example.org/",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "http://10.0.0.1:80/",
        "file:///etc/passwd",
    ] {
        let said = example.run(&["--metadata-url", url, "refresh"]).unwrap_err();

        assert!(said.contains("spoken"), "{url}: {said}");
    }
}

#[test]
fn a_run_that_was_cut_off_in_a_write_leaves_the_file_as_it_was() {
    let world = lasting();
    let (server, example) = stage(&world);
    // What such a run leaves: half a new file beside the whole old one.
    fs::write(example.state().join(".new"), b"{\"half").unwrap();

    example.refresh(&server).unwrap();

    let kept = fs::read(example.state().join("timestamp.json")).unwrap();
    assert_eq!(kept, world.build().0["timestamp.json"]);
    assert!(!example.state().join(".new").exists());
}
