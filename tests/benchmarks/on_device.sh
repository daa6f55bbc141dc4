#!/usr/bin/env bash
# Checks and measures the project on this machine's GPU: needs the environment of the README's second command with a CUDA build of torch.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m tests.benchmarks.on_device "$@"
