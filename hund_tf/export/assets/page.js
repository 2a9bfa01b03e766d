// The page of a photo's people: photo and 3D side by side, and the descent.
// THREE is three.js; the page holds a JSON report and a GLB in base64.
"use strict";
const $ = (id) => document.getElementById(id);
const report = JSON.parse($("report").textContent);
const stem = report.photo.file.replace(/\.[^.]*$/, "") || "people";
const binary = Uint8Array.from(atob($("glb").textContent), (c) => c.charCodeAt(0));
const last = Math.max(...report.people.map((p) => p.iterations.total.length)) - 1;
const people = [];  // {root, mesh, bones, color, dots, box, row}
let camera, controls, mixer, renderer, scene, backdrop, step = 0, playing = false;

function start() {
  $("title").textContent = report.photo.file;
  $("about").textContent =
    `${report.people.length} ${report.people.length === 1 ? "person" : "people"}, ` +
    `${report.photo.width} x ${report.photo.height} px, camera: ${report.camera.source}, ` +
    `method: ${report.method}`;
  offer("save_json", [JSON.stringify(report, null, 1)], "application/json", `${stem}.json`);
  offer("save_glb", [binary], "model/gltf-binary", `${stem}_descent.glb`);
  try {
    renderer = new THREE.WebGLRenderer({ canvas: $("scene"), antialias: true });
  } catch (error) {
    return fail("This browser shows no 3D graphics (WebGL).");
  }
  new THREE.GLTFLoader().parse(binary.buffer, "", (file) => {
    build(file);
    document.body.dataset.ready = "yes";
  }, (error) => fail(`The scene cannot be read: ${error}`));
}

function fail(text) {
  $("problem").textContent = text;
  $("problem").hidden = false;
}

function offer(id, data, type, name) {
  $(id).href = URL.createObjectURL(new Blob(data, { type }));
  $(id).download = name;
}

function build(file) {
  scene = file.scene;
  renderer.setClearColor(0xdfe2e7);
  scene.add(new THREE.HemisphereLight(0xffffff, 0x8890a0, 2.2));
  const sun = new THREE.DirectionalLight(0xffffff, 2);
  sun.position.set(1, 2, 2);
  scene.add(sun);
  camera = file.cameras[0];
  camera.userData.fov = camera.fov;
  camera.removeFromParent();
  camera.far = 500;
  controls = new THREE.OrbitControls(camera, renderer.domElement);
  controls.addEventListener("change", draw);
  backdrop = scene.getObjectByName("photo");
  report.people.forEach((person, i) => addPerson(person, i));
  if (file.animations.length) {
    mixer = new THREE.AnimationMixer(scene);
    const action = mixer.clipAction(file.animations[0]);
    action.clampWhenFinished = true;
    action.loop = THREE.LoopOnce;
    action.play();
    step = last ? file.animations[0].duration / last : 0;
  }
  drawPhoto();
  listen();
  $("stage").max = last;
  $("stage").value = last;
  addPeopleTable();
  resize();
  look("camera");
  showStage();
}

function addPerson(person, i) {
  const root = scene.getObjectByName(`person_${i}`);
  let mesh;
  root.traverse((node) => { if (node.isSkinnedMesh) mesh = node; });
  mesh.frustumCulled = false;
  const color = `#${mesh.material.color.getHexString()}`;
  const dots = new THREE.Mesh();
  dots.visible = false;
  const ball = new THREE.SphereGeometry(0.007, 10, 8);
  const paint = new THREE.MeshBasicMaterial({ color: 0x102040, depthTest: false });
  mesh.skeleton.bones.forEach((bone) => {
    const dot = new THREE.Mesh(ball, paint);
    dot.renderOrder = 1;
    dot.userData.bone = bone;
    dots.add(dot);
  });
  scene.add(dots);
  people.push({ root, mesh, bones: mesh.skeleton.bones, color, dots, box: person.box });
}

function listen() {
  $("stage").addEventListener("input", () => { stop(); showStage(); });
  $("play").addEventListener("click", () => (playing ? stop() : play()));
  $("term").addEventListener("change", showStage);
  $("joints").addEventListener("change", draw);
  $("backdrop").addEventListener("change", draw);
  document.querySelectorAll("[data-view]").forEach((button) =>
    button.addEventListener("click", () => { look(button.dataset.view); draw(); }));
  $("view").addEventListener("pointermove", hover);
  $("view").addEventListener("pointerleave", () => { $("tip").hidden = true; });
  new ResizeObserver(() => { resize(); draw(); }).observe($("view"));
}

// The photo with the people's boxes.
function drawPhoto() {
  const canvas = $("photo"), image = backdrop.material.map.image;
  canvas.width = image.width;
  canvas.height = image.height;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const scale = image.width / report.photo.width;
  pen.lineWidth = Math.max(2, image.width / 300);
  for (const { box, color, root } of people) {
    if (!root.visible) continue;
    pen.strokeStyle = color;
    pen.strokeRect(...box.map((x) => x * scale));
  }
}

function addPeopleTable() {
  const table = $("people");
  const head = table.insertRow();
  for (const name of ["", "", "quality", "height, m", "score", "loss"]) {
    head.appendChild(document.createElement("th")).textContent = name;
  }
  report.people.forEach((person, i) => {
    const row = table.insertRow();
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.id = `person_${i}`;
    box.addEventListener("change", () => {
      people[i].root.visible = box.checked;
      drawPhoto();
      drawCurve();
      draw();
    });
    label.append(box, `person ${i}`);
    row.insertCell().append(label);
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.background = people[i].color;
    dot.style.display = "inline-block";
    row.insertCell().append(dot);
    for (const value of [person.quality, person.height_m, person.score]) {
      row.insertCell().textContent = value === undefined ? "" : value.toFixed(2);
    }
    people[i].loss = row.insertCell();
  });
}

function stage() { return Number($("stage").value); }

function showStage() {
  const now = stage(), whole = Math.round(now);
  $("state").textContent = `s_${whole} of ${last}`;
  if (mixer) mixer.setTime(Math.max(0, Math.min(now * step, last * step - 1e-6)));
  report.people.forEach((person, i) => {
    const losses = values(person);
    people[i].loss.textContent = losses[Math.min(whole, losses.length - 1)].toPrecision(4);
  });
  drawCurve();
  draw();
}

// The chosen term of the loss in each state.
function values(person) { return person.iterations[$("term").value]; }

function play() {
  playing = true;
  $("play").textContent = "Stop";
  let begin = null;
  const first = stage() >= last ? 0 : stage();
  const tick = (time) => {
    if (!playing) return;
    begin ??= time;
    $("stage").value = Math.min(last, first + (time - begin) / (1000 * (step || 0.5)));
    showStage();
    if (stage() >= last) stop(); else requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function stop() {
  playing = false;
  $("play").textContent = "Play";
}

// The losses of everybody who is shown, and where the slider is.
function drawCurve() {
  const shown = report.people.filter((_, i) => people[i].root.visible);
  const top = Math.max(1e-9, ...shown.flatMap(values));
  const x = (k) => 40 + (k / Math.max(last, 1)) * 360;
  const y = (value) => 102 - (Math.max(value, 0) / top) * 90;
  const parts = [
    `<line x1="34" y1="102" x2="412" y2="102" stroke="#99a"/>`,
    `<line x1="${x(stage())}" y1="8" x2="${x(stage())}" y2="102" stroke="#c55"/>`,
    `<text x="4" y="16" font-size="11">${top.toPrecision(3)}</text>`,
    `<text x="4" y="105" font-size="11">0</text>`,
  ];
  for (let k = 0; k <= last; k += Math.ceil((last + 1) / 10)) {
    parts.push(`<text x="${x(k)}" y="116" font-size="11" text-anchor="middle">s_${k}</text>`);
  }
  report.people.forEach((person, i) => {
    if (!people[i].root.visible) return;
    const points = values(person).map((v, k) => `${x(k)},${y(v)}`).join(" ");
    parts.push(`<polyline points="${points}" fill="none" stroke-width="2" stroke="${people[i].color}"/>`);
  });
  $("curve").innerHTML = parts.join("");
}

function look(from) {
  const center = new THREE.Box3();
  people.forEach(({ root, bones }) => {
    if (root.visible) bones.forEach((b) => center.expandByPoint(b.getWorldPosition(new THREE.Vector3())));
  });
  if (center.isEmpty()) return;
  const middle = center.getCenter(new THREE.Vector3());
  const away = center.getSize(new THREE.Vector3()).length() * 1.2 + 0.6;
  const turns = { front: [0, 0, 1], side: [1, 0, 0.001], top: [0, 1, 0.001] };
  camera.up.set(0, 1, 0);
  camera.userData.photo = from === "camera";
  if (from === "camera") {
    // The photo's own camera: at the origin, along -z.
    camera.position.set(0, 0, 0);
    controls.target.set(0, 0, Math.min(middle.z, -0.1));
  } else {
    controls.target.copy(middle);
    camera.position.set(...turns[from]).multiplyScalar(away).add(middle);
  }
  resize();
  controls.update();
}

function resize() {
  const { clientWidth: width, clientHeight: height } = $("view");
  if (!width || !height) return;
  renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
  renderer.setSize(width, height, false);
  // As much as is needed to see the whole photo through the photo's camera.
  const seen = report.photo.width / report.photo.height, aspect = width / height;
  const tangent = Math.tan((camera.userData.fov * Math.PI) / 360) * Math.max(1, seen / aspect);
  camera.fov = (camera.userData.photo ? Math.atan(tangent) * 360 : 40 * Math.PI) / Math.PI;
  camera.aspect = aspect;
  camera.updateProjectionMatrix();
}

function draw() {
  backdrop.visible = $("backdrop").checked;
  scene.updateMatrixWorld();
  for (const { root, dots } of people) {
    dots.visible = root.visible && $("joints").checked;
    dots.children.forEach((dot) => dot.userData.bone.getWorldPosition(dot.position));
  }
  renderer.render(scene, camera);
}

// Names the joint beneath the pointer, with what is known of it.
function hover(event) {
  const frame = $("view").getBoundingClientRect();
  const x = event.clientX - frame.left, y = event.clientY - frame.top;
  let best = 12, found = null;
  const place = new THREE.Vector3();
  people.forEach(({ root, bones }, i) => {
    if (!root.visible) return;
    bones.forEach((bone, j) => {
      bone.getWorldPosition(place).project(camera);
      const off = Math.hypot(((place.x + 1) / 2) * frame.width - x, ((1 - place.y) / 2) * frame.height - y);
      if (off < best && place.z < 1) { best = off; found = [i, j, bone]; }
    });
  });
  const tip = $("tip");
  tip.hidden = !found;
  if (!found) return;
  const [i, j, bone] = found, person = report.people[i];
  const p = bone.getWorldPosition(place);
  const lines = [`person ${i}: ${report.joint_names[j]}`,
    `x ${p.x.toFixed(3)}, y ${(-p.y).toFixed(3)}, z ${(-p.z).toFixed(3)} m (camera frame)`];
  if (person.uncertainty) lines.push(`expected error ${person.uncertainty[j].toFixed(0)} mm`);
  if (person.quality !== undefined) lines.push(`quality of the person ${person.quality.toFixed(2)}`);
  tip.textContent = lines.join("\n");
  tip.style.left = `${Math.min(x + 12, frame.width - 230)}px`;
  tip.style.top = `${Math.max(y - 60, 4)}px`;
}

start();
