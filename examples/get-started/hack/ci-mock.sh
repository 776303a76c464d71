#!/bin/sh
# Stands for the build pipeline: makes an image with random content and pushes it. Docker is not needed.
#
#   ./ci-mock.sh -r 127.0.0.1:5000/rhumb/podinfo -b dev       pushes …/podinfo:dev-<8 random letters and digits>
#   ./ci-mock.sh -r 127.0.0.1:5000/rhumb/podinfo -v 0.4.10    pushes …/podinfo:0.4.10
set -eu

if command -v ci-mock >/dev/null 2>&1; then
    exec ci-mock "$@"
fi
if command -v cargo >/dev/null 2>&1; then
    # From a checkout of Rhumb it is built where it is needed.
    exec cargo run --quiet --package rhumb-sim --bin ci-mock -- "$@"
fi
echo "error: neither ci-mock nor cargo is installed" >&2
echo "hint: in a checkout of Rhumb, run \`cargo install --path host/sim --bin ci-mock\`" >&2
exit 127
