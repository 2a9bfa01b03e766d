"""What leaves the system.

`report` is the JSON result, `meshes` are GLB and OBJ files, `saved_model` is
the learned descent as a TensorFlow SavedModel.
"""
