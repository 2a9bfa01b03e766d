#!/bin/sh
# Makes hund_tf/export/assets/three.min.js: what the page of hund_tf/export/page.py
# uses of three.js, in one file. Needs node and npm, which fetches two packages.
#
#   tools/vendor_viewer.sh
set -eu
assets=$(cd "$(dirname "$0")/../hund_tf/export/assets" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"
npm install --silent --no-save three@0.187.0 esbuild@0.28.2
cat > entry.js <<'END'
export {
  AnimationMixer, Box3, DirectionalLight, HemisphereLight, LoopOnce, Mesh,
  MeshBasicMaterial, SphereGeometry, Vector3, WebGLRenderer,
} from "three";
export { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
export { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
END
npx esbuild entry.js --bundle --minify --format=iife --global-name=THREE \
  --legal-comments=none --log-level=warning --outfile="$assets/three.min.js"
cp node_modules/three/LICENSE "$assets/LICENSE-three.txt"
