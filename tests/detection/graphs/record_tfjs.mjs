// Runs a TensorFlow.js graph model for record_references.py:
//   node record_tfjs.mjs MODEL.json INPUT NAME TYPE SHAPE OUTPUT NODE...
// INPUT holds float32 numbers. OUTPUT gets the number of values of each node
// (int32), then the values (float32).

import fs from "node:fs";
import {createRequire} from "node:module";
import path from "node:path";

const load = createRequire(path.join(process.env.NODE_MODULES, "any.js"));
const tf = load("@tensorflow/tfjs-core");
load("@tensorflow/tfjs-backend-cpu");
const {loadGraphModel} = load("@tensorflow/tfjs-converter");

const [file, input, name, type, shape, output, ...nodes] =
    process.argv.slice(2);
const model = JSON.parse(fs.readFileSync(file, "utf8"));
const {paths, weights} = model.weightsManifest[0];
const folder = path.dirname(file);
const data = Buffer.concat(
    paths.map((p) => fs.readFileSync(path.join(folder, p))));
const start = data.byteOffset;

await tf.setBackend("cpu");
const graph = await loadGraphModel({
  load: async () => ({
    modelTopology: model.modelTopology,
    signature: model.signature,
    format: model.format,
    weightSpecs: weights,
    weightData: data.buffer.slice(start, start + data.length),
  }),
});
const numbers = new Float32Array(new Uint8Array(fs.readFileSync(input)).buffer);
const image = tf.tensor(numbers, shape.split(",").map(Number), type);
const results = [graph.execute({[name]: image}, nodes)].flat();
const counts = Int32Array.from(results.map((result) => result.size));
const parts = results.map((r) => Float32Array.from(r.dataSync()));
fs.writeFileSync(
    output, Buffer.concat([counts, ...parts].map((p) => Buffer.from(p.buffer))));
