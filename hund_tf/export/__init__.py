"""What leaves the system.

`report` is the JSON result, with faces and hands by `part_report` and numbers
by `report_numbers`; `meshes` are GLB and OBJ files, `rigged` are GLB files with
skeleton, skin and motion, of a `rig` packed by `gltf`, `usd` the same as USD,
`bvh_people` motion files, `page` a web page; `result_folder` keeps the files of
each photo together, and `saved_model` is the learned descent as a TensorFlow
SavedModel.
`portable` is its last state in operations that other runtimes have, by
`portable_ops`; `tflite` and `onnx` write that.
`people_module` goes from photos' bytes to people, with what finds these,
`in_graph/`, a `shared_body`, `pose_methods` for decoded photos, requests to
`warmup` with, and `licences`.
"""
