#!/usr/bin/env bash
# Makes one environment a peer under DIR (default .work/peers): what `pip install` gives its user, with pandas 2, which all of them know.
#   bench/install_peers.sh [DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-.work/peers}
mkdir -p "$dir"
make_env() {
  name=$1; shift
  [ -x "$dir/$name/bin/pip" ] || python3 -m venv "$dir/$name"
  "$dir/$name/bin/pip" install -q "setuptools<81" wheel
  "$dir/$name/bin/pip" install -q "pandas<3" "$@"
}
make_env autogluon "torch==2.13.0" "autogluon.tabular[all]"
make_env flaml "flaml[automl,catboost]"
make_env mljar mljar-supervised
make_env lightautoml "torch==2.13.0" lightautoml
echo "Ready: python bench/peers.py --envs $dir"
