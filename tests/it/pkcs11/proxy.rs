//! p11-kit's proxy, which is used where no module is named: every module of the system behind one, and each list of
//! functions that it hands out an instance of its own.

use std::path::PathBuf;

use keyrite::keystore::error::StoreErrorKind as Kind;

use super::world::World;
use super::world::find;
use super::world::generate;
use super::world::left_out;
use super::world::sign;

const PROXY: &str = "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so";

/// SoftHSM behind the proxy, as Debian sets it up.
fn proxied(world: World) -> Option<World> {
    let set_up = PathBuf::from("/usr/share/p11-kit/modules/softhsm2.module");
    if !PathBuf::from(PROXY).is_file() || !set_up.is_file() {
        return left_out("p11-kit's proxy, or SoftHSM's entry in it, is not installed");
    }
    Some(World { module: PROXY.into(), ..world })
}

#[test]
fn a_key_behind_the_proxy_is_made_and_signs() {
    let Some(world) = World::softhsm().and_then(proxied) else { return };
    let uri = world.uri("root");

    let came = world.play(&[generate(&uri, "ecdsa-sha2-nistp256"), sign(&uri, &["one", "two"]), find(&uri)]);

    assert_eq!(came[1].signed(), 2);
    assert_eq!(came[0].found(), came[2].found());
}

/// SoftHSM has no mechanism for it that takes a message in parts, and the proxy no other way.
#[test]
fn a_key_that_wants_its_pin_each_time_says_what_to_do_when_the_proxy_stands_between() {
    let Some(world) = World::softhsm() else { return };
    world.foreign_key("careful", "0c", &["--always-auth"]);
    let Some(world) = proxied(world) else { return };
    let uri = world.uri("careful");

    let came = world.play(&[find(&uri), sign(&uri, &["x"])]);

    came[1].failed_with(
        Kind::Unsupported,
        "wants its PIN for every signature, which cannot be done through this module",
    );
    assert!(came[1].failed().hint.contains("module-path="));
}
