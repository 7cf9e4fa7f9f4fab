//! Files that are not modules, and modules that misbehave: a sentence each, and this process lives on.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::keystore::StoreError;
use keyrite::keystore::error::StoreErrorKind;
use keyrite::keystore::pkcs11;
use keyrite::keystore::pkcs11::Settings;
use keyrite::store_uri::Pkcs11Uri;
use keyrite::tuf::Bytes;
use keyrite::tuf::PublicKey;
use tempfile::TempDir;

use super::world::PIN;
use super::world::World;
use super::world::generate;
use super::world::sign;

fn settings() -> Settings {
    Settings { default_module: None, module_sha256: None, program: env!("CARGO_BIN_EXE_keyrite").into() }
}

/// Why the module at `path` is refused.
fn refused(path: impl AsRef<Path>) -> StoreError {
    let error = pkcs11::list(Some(path.as_ref()), &settings()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Module, "{error:?}");
    assert!(!error.hint.is_empty());
    error
}

/// A shared library made from `source`.
fn compiled(dir: &TempDir, name: &str, source: &str) -> PathBuf {
    let (c, so) = (dir.path().join(format!("{name}.c")), dir.path().join(format!("{name}.so")));
    fs::write(&c, source).unwrap();
    let out = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&so).arg(&c).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    so
}

#[test]
fn a_path_that_names_no_file_is_told() {
    let dir = tempfile::tempdir().unwrap();

    assert_eq!(refused("").text, "the path of the PKCS#11 module is empty");
    assert_eq!(refused("softhsm2.so").text, "the path of the PKCS#11 module, softhsm2.so, is not absolute");
    assert!(refused(dir.path()).text.ends_with("is a directory"));
    assert!(refused(dir.path().join("none.so")).text.contains("No such file or directory"));
    assert!(refused("/dev/null").text.ends_with("is not a regular file"));
}

#[test]
fn a_library_that_is_no_module_is_told() {
    let libm = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    let libm = libm.iter().find(|path| Path::new(path).exists()).unwrap();

    assert!(refused(libm).text.ends_with("is a shared library but not a PKCS#11 module"));
}

#[test]
fn a_file_that_is_no_library_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.so");
    for (bytes, why) in [(&b""[..], "file too short"), (&[b'x'; 4096][..], "invalid ELF header")] {
        fs::write(&path, bytes).unwrap();

        let error = refused(&path);

        assert_eq!(error.text, format!("cannot open the PKCS#11 module {}: {why}", path.display()));
    }
}

#[test]
fn a_module_for_another_cpu_is_told() {
    let Some(world) = World::softhsm() else { return };
    let path = world.dir.path().join("other-cpu.so");
    let mut elf = fs::read(&world.module).unwrap();
    elf[18] = 0xf3; // e_machine: RISC-V
    fs::write(&path, elf).unwrap();

    let error = refused(&path);

    assert!(error.text.starts_with("cannot open the PKCS#11 module"), "{error:?}");
    assert!(error.hint.contains("that it is for this CPU"));
}

#[test]
fn a_module_cut_short_anywhere_does_not_take_this_process_with_it() {
    let Some(world) = World::softhsm() else { return };
    let path = world.dir.path().join("cut.so");
    let whole = fs::read(&world.module).unwrap();
    for part in 1..16 {
        fs::write(&path, &whole[..whole.len() * part / 16]).unwrap();

        refused(&path);
    }
    fs::write(&path, &whole[..whole.len() / 4]).unwrap();

    assert!(refused(&path).text.contains("crashed; it is damaged"));
}

#[test]
fn a_module_without_a_list_crashes_alone() {
    let dir = tempfile::tempdir().unwrap();
    for (name, body) in [
        ("null-list", "*list = 0; return 0;"),
        ("abort", "__builtin_trap();"),
        ("exit", "extern void _exit(int); _exit(0);"),
    ] {
        let path =
            compiled(&dir, name, &format!("unsigned long C_GetFunctionList(void **list) {{ {body} }}"));

        assert!(refused(&path).text.contains("crashed; it is damaged"), "{name}");
    }
}

/// A module that says itself that all is well, on its standard output, is not believed.
#[test]
fn a_module_cannot_answer_for_the_probe() {
    let dir = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\n#include <unistd.h>\n\
                  unsigned long C_GetFunctionList(void **list) { puts(\"ok\"); fflush(stdout); _exit(0); }";

    assert!(refused(compiled(&dir, "liar", source)).text.contains("crashed; it is damaged"));
}

#[test]
fn a_module_that_is_not_the_pinned_one_runs_no_code() {
    let dir = tempfile::tempdir().unwrap();
    let witness = dir.path().join("it-ran");
    let source = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen(\"{}\", \"w\")); }}",
        witness.display()
    );
    let path = compiled(&dir, "other", &source);
    let pinned = Settings { module_sha256: Some([7; 32]), ..settings() };

    let error = pkcs11::list(Some(&path), &pinned).unwrap_err();

    assert_eq!(error.kind, StoreErrorKind::Module);
    assert!(error.text.ends_with("and the ceremony file names 0707070707070707070707070707070707070707070707070707070707070707; it was not loaded"));
    assert!(!witness.exists());
    refused(&path);
    assert!(witness.exists(), "the module of this test does nothing when it is loaded");
}

/// It prints while it is loaded and at every call for its list, and works.
#[test]
fn nothing_that_a_module_prints_reaches_the_screen() {
    let Some(world) = World::softhsm() else { return };
    let source = format!(
        "#define _GNU_SOURCE\n#include <stdio.h>\n#include <dlfcn.h>\n#include <unistd.h>\n\
         static void shout(void) {{ printf(\"NOISE\"); fflush(stdout); fprintf(stderr, \"NOISE\"); write(1, \"NOISE\", 5); }}\n\
         __attribute__((constructor)) static void loud(void) {{ shout(); }}\n\
         unsigned long C_GetFunctionList(void **list) {{\n\
           shout(); void *real = dlopen(\"{}\", RTLD_NOW);\n\
           return ((unsigned long (*)(void **)) dlsym(real, \"C_GetFunctionList\"))(list); }}",
        world.module.display()
    );
    let module = compiled(&world.dir, "noisy", &source);

    // `list` asks a child process, `show` loads the module here.
    let show = format!("pkcs11:token=ROOT-BO?module-path={}", module.display());
    for arguments in
        [["token", "list", "--module", &module.display().to_string()].as_slice(), &["token", "show", &show]]
    {
        let out = world.command(env!("CARGO_BIN_EXE_keyrite")).args(arguments).output().unwrap();

        let text = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && text.contains("token ROOT-BO\n"), "{out:?}");
        assert!(!text.contains("NOISE"), "{text}");
        assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    }
}

/// It reads whatever comes on its standard input, and works.
#[test]
fn a_module_that_reads_standard_input_takes_nothing_of_what_is_to_be_signed() {
    let Some(world) = World::softhsm() else { return };
    let source = format!(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <unistd.h>\n\
         unsigned long C_GetFunctionList(void **list) {{\n\
           char taken[4096]; while (read(0, taken, sizeof taken) > 0); void *real = dlopen(\"{}\", RTLD_NOW);\n\
           return ((unsigned long (*)(void **)) dlsym(real, \"C_GetFunctionList\"))(list); }}",
        world.module.display()
    );
    let module = compiled(&world.dir, "reader", &source);
    let uri = format!("pkcs11:token=ROOT-BO;object=root?module-path={}", module.display());

    let came = world.play(&[generate(&uri, "ed25519"), sign(&uri, &["one", "two"])]);

    assert_eq!(came[1].signed(), 2);
}

#[test]
fn what_the_process_of_a_module_signs_is_proven_by_who_asked_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("worker");
    let [own, other] = [[1; 32], [2; 32]].map(|seed| SigningKey::from_bytes(&seed));
    let payloads = [&b"first"[..], b"second"];
    let [first, second] = payloads.map(|payload| hex::encode(own.sign(payload).to_bytes()));
    let wrong = hex::encode(other.sign(payloads[1]).to_bytes());
    let public = PublicKey::ed25519(own.verifying_key().to_bytes());
    let sign = |answer: &[&String]| {
        let answer = format!("{{\"Said\":{{\"Signed\":{}}}}}", serde_json::to_string(answer).unwrap());
        fs::write(&program, format!("#!/bin/sh\ncat > /dev/null\necho '{answer}'\n")).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
        let uri = format!("pkcs11:token=ROOT-BO;object=root?module-path={}", program.display());
        let settings = Settings { program: program.clone(), ..settings() };
        let mut store = pkcs11::open(&Pkcs11Uri::of_token(&uri).unwrap(), &settings).unwrap();
        store.sign(Some(&PIN.into()), &public, &payloads.map(Bytes::from))
    };

    assert_eq!(sign(&[&first, &second]).unwrap().len(), 2);
    for answer in [[&first, &wrong], [&second, &first]] {
        let error = sign(&answer).unwrap_err();

        assert_eq!(error.kind, StoreErrorKind::WrongKey);
        assert!(error.text.starts_with("token ROOT-BO returned a signature that does not verify"), "{error}");
    }
    for answer in [&[&first][..], &[], &[&first, &second, &second]] {
        assert_eq!(sign(answer).unwrap_err().kind, StoreErrorKind::Module);
    }
}
