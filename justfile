# Lists what there is
default:
    @just --list --unsorted

# Everything that must hold before a change lands
ci:
    .ci/run

# The tests, and first what they need; `just test NAME` for those whose name contains NAME
test *args:
    ./test {{ args }}

# Checks again whenever a file is saved (needs cargo-watch)
watch:
    cargo watch -x 'clippy --all-targets'

# Shows every golden file that changed, and takes those that a person says yes to (needs cargo-insta)
accept:
    cargo insta review


# Start-up and check of a long file, beside others; a frame of the busiest screen; bins; a token
bench:
    cargo build --release
    benches/startup
    cargo bench --bench frame
    cargo bench --bench bins
    cargo bench --bench terminal
    cargo bench --bench token

# Draws the pictures of screens for the README and docs
picture:
    cargo run --example picture

# No network code: the tree, the binary, a whole rehearsal
no-network:
    cargo build --release
    tests/no-network
