"""Training of the learned descent on synthetic people, records and photos.

`trainer` is the run, with the settings of `config`, and `step` its update;
`supervision` says which losses a batch takes part in and `stage_losses` takes
them at every stage. Batches come from `sources`: `record_batches` and
`synthetic_batches`; `validation` judges the weights on held-out people,
`ablation` sets runs with other meta-losses side by side, and `publication`
writes the weights with what they reach.
"""
