#!/bin/sh
# Times a GPU and compares it with the CPU, in at most 5 minutes:
#
#   tools/gpu_check.sh [FOLDER] [FLAGS OF tools.gpu_check]
#
# The folder, gpu_check by default, gets figures and a TensorBoard profile.
# Without a GPU both halves run on the CPU, with small sizes.
set -u
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-.venv/bin/python}
folder=${1:-gpu_check}
[ $# -gt 0 ] && shift
mkdir -p "$folder" || exit 1
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader \
  2>/dev/null || echo "no driver of NVIDIA"
echo "== CPU"
CUDA_VISIBLE_DEVICES=-1 timeout 100 "$python" -m tools.gpu_check \
  --check_output="$folder/cpu.npz" --nocheck_training "$@" || exit 1
echo "== GPU"
timeout 200 "$python" -m tools.gpu_check --check_output="$folder/gpu.npz" \
  --check_reference="$folder/cpu.npz" --check_profile="$folder/profile" "$@"
