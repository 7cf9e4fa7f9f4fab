//! The module stays in memory when it is unloaded, so that a fault that happens once happens once in a process.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
